#!/bin/sh
# A whole exchange with curl, openssl and xmlsec1: submit, verify the receipt, fetch the inbox, acknowledge.
#
#   sh exchange.sh party.toml
#
# party.toml is what `wasl party test` makes, with an RSA key. Ends with 0 when all of it was done, with 1
# when the hub said no or the receipt is not under a seal of the trust folder, revocation included.
set -eu
settings=${1:?usage: sh exchange.sh party.toml}
folder=$(dirname "$settings")
of() { sed -n "s/^$1 = \"\(.*\)\"\$/\1/p" "$settings"; }
hub=$(of hub) party=$(of party) office=$(of office)
key=$folder/$(of key) certificate=$folder/$(of certificate) trust=$folder/$(of trust)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() { echo "$*" >&2; exit 1; }
base64url() { openssl base64 -A | tr '+/' '-_' | tr -d '='; }
member() { sed -n "s/.*\"$1\":\"\([^\"]*\)\".*/\1/p"; }
element() { sed -n "s:.*<$1>\([^<]*\)</$1>.*:\1:p" "$2" | head -n 1; }

# 1. The letter, with an empty signature for xmlsec1 to fill: one reference to the whole document.
id=$(openssl rand -hex 16 | sed 's/^\(.\{8\}\)\(.\{4\}\).\(.\{3\}\).\(.\{3\}\)\(.\{12\}\)$/\1-\2-4\3-8\4-\5/')
ds='http://www.w3.org/2000/09/xmldsig#'
exclusive='http://www.w3.org/2001/10/xml-exc-c14n#'
cat >"$work/letter.xml" <<XML
<Envelope xmlns="urn:wasl:envelope:1.0">
  <Version>1.0</Version>
  <Hub>$(of hub_code)</Hub>
  <MessageId>$id</MessageId>
  <Purpose>letter</Purpose>
  <CreatedAt>$(date -u +%Y-%m-%dT%H:%M:%SZ)</CreatedAt>
  <Sender><Party>$party</Party></Sender>
  <Recipients><Recipient><Office>$office</Office></Recipient></Recipients>
  <Subject>Letter by curl</Subject>
  <Language>en</Language>
  <Test>true</Test>
  <Body>Signed by xmlsec1, sent by curl.</Body>
  <Signature xmlns="$ds">
    <SignedInfo>
      <CanonicalizationMethod Algorithm="$exclusive"/>
      <SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/>
      <Reference URI="">
        <Transforms>
          <Transform Algorithm="${ds}enveloped-signature"/>
          <Transform Algorithm="$exclusive"/>
        </Transforms>
        <DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/>
        <DigestValue/>
      </Reference>
    </SignedInfo>
    <SignatureValue/>
    <KeyInfo><X509Data><X509Certificate/></X509Data></KeyInfo>
  </Signature>
</Envelope>
XML
openssl x509 -in "$certificate" -out "$work/own.pem" # the certificate alone, without its chain
xmlsec1 --sign --privkey-pem "$key,$work/own.pem" --output "$work/signed.xml" "$work/letter.xml"

# 2. Submit. Without an answer, or with a 5xx, the very same octets are sent again: never a second letter.
for wait in 1 2 4 8 16 stop; do
    status=$(curl -sS -o "$work/receipt.xml" -D "$work/head" -w '%{http_code}' -H 'Content-Type: application/xml' \
        --data-binary "@$work/signed.xml" "$hub/api/v1/envelopes") || status=000
    case $status in 5?? | 000 | 429) [ "$wait" != stop ] || break ;; *) break ;; esac
    asked=$(sed -n 's/^[Rr]etry-[Aa]fter: *\([0-9]*\).*/\1/p' "$work/head" 2>/dev/null || true)
    sleep "$([ "${asked:-0}" -gt "$wait" ] && echo "$asked" || echo "$wait")"
done
case $status in 200 | 201) ;; *) cat "$work/receipt.xml" >&2; fail "not accepted: $status" ;; esac

# 3. Verify the receipt: sealed under the trust folder's seal/ (seal/test/ for tests), and about this letter.
set --
for anchor in "$trust"/seal/*.pem "$trust"/seal/test/*.pem; do
    [ -e "$anchor" ] && set -- "$@" --trusted-pem "$anchor"
done
xmlsec1 --verify --enabled-reference-uris empty,same-doc --enabled-key-data x509 "$@" \
    --id-attr:Id urn:wasl:receipt:1.0:Receipt \
    --id-attr:Id 'http://uri.etsi.org/01903/v1.3.2#:SignedProperties' \
    --id-attr:Id "${ds}:KeyInfo" \
    "$work/receipt.xml" >"$work/verified" 2>&1 || { cat "$work/verified" >&2; fail "not a receipt of the hub"; }
tr -d '\n' <"$work/receipt.xml" | sed 's/<ds:X509Certificate>/\n/' | sed -n '2s/<.*//p' |
    openssl base64 -d -A | openssl x509 -inform DER -out "$work/seal.pem"
cat "$trust"/seal/*.pem "$trust"/seal/test/*.pem >"$work/anchors.pem" 2>"$work/none" || true
cat "$trust"/seal/*.crl "$trust"/seal/test/*.crl >"$work/lists.pem" 2>"$work/none" || true
openssl verify -crl_check -CAfile "$work/anchors.pem" -CRLfile "$work/lists.pem" "$work/seal.pem" \
    >"$work/verified" 2>&1 || { cat "$work/verified" >&2; fail "the seal is revoked, or nobody can tell"; }
[ "$(element Kind "$work/receipt.xml")" = acceptance ] || fail "not an acceptance"
[ "$(element MessageId "$work/receipt.xml")" = "$id" ] || fail "a receipt of another letter"
reference=$(element Reference "$work/receipt.xml")
cp "$work/receipt.xml" "receipt-$reference.xml"
echo "accepted $reference, receipt verified"

# 4. A token, for a JWT signed with the same key (private_key_jwt, RFC 7523).
now=$(date +%s)
head=$(printf '{"alg":"RS256","typ":"JWT"}' | base64url)
claims=$(printf '{"iss":"%s","sub":"%s","aud":"%s/oauth2/token","jti":"%s","exp":%s}' \
    "$party" "$party" "$hub" "$(openssl rand -hex 16)" $((now + 120)) | base64url)
signature=$(printf '%s.%s' "$head" "$claims" | openssl dgst -sha256 -sign "$key" -binary | base64url)
token=$(curl -sS "$hub/oauth2/token" -d grant_type=client_credentials -d scope=inbox \
    -d client_assertion_type=urn:ietf:params:oauth:client-assertion-type:jwt-bearer \
    -d "client_assertion=$head.$claims.$signature" | member access_token)
[ -n "$token" ] || fail "no token"
as_party() { curl -sS --fail -H "Authorization: Bearer $token" "$@"; }

# 5. The inbox: the letter is there once the hub's worker has laid it ready. List, fetch, acknowledge.
delivery=
for _ in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
    delivery=$(as_party "$hub/api/v1/inbox?office=$office&limit=100" |
        tr '{' '\n' | grep "\"reference\":\"$reference\"" | member delivery) && [ -n "$delivery" ] && break
    sleep 1
done
[ -n "$delivery" ] || fail "the letter did not arrive"
as_party -o "letter-$reference.xml" "$hub/api/v1/inbox/$delivery/content"
echo "fetched $reference: $(element Subject "letter-$reference.xml")"
state=$(as_party -H 'Content-Type: application/json' -d '{"registerNumber": "curl/1"}' \
    "$hub/api/v1/inbox/$delivery/acknowledge" | member state)
echo "acknowledged $reference: $state"
[ "$state" = HANDED_OVER ]
