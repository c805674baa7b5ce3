<?php
/**
 * A whole exchange with PHP 7.4 or later: submit, verify the receipt, fetch the inbox, acknowledge.
 *
 *   php exchange.php party.toml
 *
 * Extensions openssl and dom, no package. The letter is signed as XML (one reference to the whole document),
 * the receipt is asked for as JWS, which is short to verify. party.toml is what `wasl party test` makes, with
 * an RSA key. Ends with 0 when all of it was done, with 1 when the hub said no or the receipt is not under a
 * seal of the trust folder, revocation included.
 */
declare(strict_types=1);

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const ENVELOPE = 'urn:wasl:envelope:1.0';
const DER_INTEGER = 0x02;
const DER_SEQUENCE = 0x30;
const DER_UTC_TIME = 0x17;
const DER_GENERALIZED_TIME = 0x18;

function add(DOMElement $parent, string $namespace, string $name, string $text = '', array $attributes = []): DOMElement
{
    $child = $parent->ownerDocument->createElementNS($namespace, $name);
    if ($text !== '') {
        $child->appendChild($parent->ownerDocument->createTextNode($text));
    }
    foreach ($attributes as $key => $value) {
        $child->setAttribute($key, $value);
    }
    return $parent->appendChild($child);
}

function uuid(): string
{
    $hex = bin2hex(random_bytes(16));
    return substr($hex, 0, 8) . '-' . substr($hex, 8, 4) . '-4' . substr($hex, 13, 3) . '-8' . substr($hex, 17, 3)
        . '-' . substr($hex, 20);
}

function letter(array $of, string $id): DOMDocument
{
    $document = new DOMDocument('1.0', 'UTF-8');
    $root = $document->appendChild($document->createElementNS(ENVELOPE, 'Envelope'));
    add($root, ENVELOPE, 'Version', '1.0');
    add($root, ENVELOPE, 'Hub', $of['hub_code']);
    add($root, ENVELOPE, 'MessageId', $id);
    add($root, ENVELOPE, 'Purpose', 'letter');
    add($root, ENVELOPE, 'CreatedAt', gmdate('Y-m-d\TH:i:s\Z'));
    add(add($root, ENVELOPE, 'Sender'), ENVELOPE, 'Party', $of['party']);
    add(add(add($root, ENVELOPE, 'Recipients'), ENVELOPE, 'Recipient'), ENVELOPE, 'Office', $of['office']);
    add($root, ENVELOPE, 'Subject', 'Letter by PHP');
    add($root, ENVELOPE, 'Language', 'en');
    add($root, ENVELOPE, 'Test', 'true');
    add($root, ENVELOPE, 'Body', 'Signed with the extensions dom and openssl.');
    return $document;
}

/** The document signed as the profile "plain XML signature" of docs/envelope.md asks. */
function sign(DOMDocument $letter, $key, string $certificate): string
{
    // The digest is taken before the signature stands in the document: the enveloped transform removes it again.
    $digest = base64_encode(hash('sha256', $letter->documentElement->C14N(true, false), true));
    $signature = add($letter->documentElement, DS, 'ds:Signature');
    $info = add($signature, DS, 'ds:SignedInfo');
    add($info, DS, 'ds:CanonicalizationMethod', '', ['Algorithm' => EXCLUSIVE]);
    add($info, DS, 'ds:SignatureMethod', '', ['Algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256']);
    $reference = add($info, DS, 'ds:Reference', '', ['URI' => '']);
    $transforms = add($reference, DS, 'ds:Transforms');
    add($transforms, DS, 'ds:Transform', '', ['Algorithm' => DS . 'enveloped-signature']);
    add($transforms, DS, 'ds:Transform', '', ['Algorithm' => EXCLUSIVE]);
    add($reference, DS, 'ds:DigestMethod', '', ['Algorithm' => 'http://www.w3.org/2001/04/xmlenc#sha256']);
    add($reference, DS, 'ds:DigestValue', $digest);
    openssl_sign($info->C14N(true, false), $value, $key, OPENSSL_ALGO_SHA256) || fail('cannot sign');
    add($signature, DS, 'ds:SignatureValue', base64_encode($value));
    $data = add(add($signature, DS, 'ds:KeyInfo'), DS, 'ds:X509Data');
    preg_match('/-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----/s', $certificate, $found);
    add($data, DS, 'ds:X509Certificate', preg_replace('/\s+/', '', $found[1]));
    return $letter->saveXML();
}

/** One call: status, body, and for how many seconds the hub asks for patience; status 0: no answer came. */
function call(string $method, string $url, array $headers = [], string $body = ''): array
{
    $lines = array_map(fn ($name) => "$name: $headers[$name]", array_keys($headers));
    $options = ['method' => $method, 'header' => $lines, 'content' => $body, 'ignore_errors' => true];
    $options += ['follow_location' => 0, 'timeout' => 120];
    $answer = @file_get_contents($url, false, stream_context_create(['http' => $options]));
    preg_match('/^HTTP\S+ (\d+)/', $http_response_header[0] ?? '', $status);
    preg_match('/^retry-after: *(\d+)/mi', implode("\n", $http_response_header ?? []), $asked);
    return [$answer === false ? 0 : (int) ($status[1] ?? 0), (string) $answer, (int) ($asked[1] ?? 0)];
}

/** Send the same octets until the hub has answered: a repeat never makes a second letter. */
function submit(string $hub, string $octets): string
{
    foreach ([1, 2, 4, 8, 16, 0] as $wait) {
        $headers = ['Content-Type' => 'application/xml', 'Accept' => 'application/jose'];
        [$status, $body, $asked] = call('POST', "$hub/api/v1/envelopes", $headers, $octets);
        if ($status !== 0 && $status !== 429 && $status < 500) {
            break;
        }
        sleep(max($wait, $asked));
    }
    in_array($status, [200, 201], true) || fail("not accepted: $status $body");
    return $body;
}

function base64url(string $octets): string
{
    return rtrim(strtr(base64_encode($octets), '+/', '-_'), '=');
}

function unbase64url(string $text): string
{
    return base64_decode(strtr($text, '-_', '+/'));
}

/** The signature of an elliptic curve as openssl reads it: JOSE has r and s side by side, openssl wants DER. */
function der(string $raw): string
{
    $both = '';
    foreach (str_split($raw, intdiv(strlen($raw), 2)) as $number) {
        $number = ltrim($number, "\0");
        $number = ($number === '' || ord($number[0]) > 127) ? "\0$number" : $number;
        $both .= "\x02" . chr(strlen($number)) . $number;
    }
    return "\x30" . chr(strlen($both)) . $both;
}

/** The content of a receipt that is sealed under the trust folder's seal/ (seal/test/ for tests). */
function verified(string $receipt, string $trust): array
{
    [$protected, $payload, $signature] = explode('.', $receipt);
    $header = json_decode(unbase64url($protected), true);
    $digests = ['ES256' => OPENSSL_ALGO_SHA256, 'ES384' => OPENSSL_ALGO_SHA384, 'RS256' => OPENSSL_ALGO_SHA256];
    if ($header['typ'] !== 'wasl-receipt+json' || !isset($digests[$header['alg']])) {
        fail('not a receipt');
    }
    $seal = "-----BEGIN CERTIFICATE-----\n" . chunk_split($header['x5c'][0], 64, "\n") . "-----END CERTIFICATE-----\n";
    $anchors = array_merge(glob("$trust/seal/*.pem"), glob("$trust/seal/test/*.pem"));
    // an empty list would mean the authorities of this machine
    if ($anchors === [] || openssl_x509_checkpurpose($seal, X509_PURPOSE_ANY, $anchors) !== true) {
        fail('the seal is not one of the trust folder');
    }
    check_revocation($seal, $anchors, array_merge(glob("$trust/seal/*.crl"), glob("$trust/seal/test/*.crl")));
    $raw = unbase64url($signature);
    $value = strncmp($header['alg'], 'ES', 2) === 0 ? der($raw) : $raw;
    if (openssl_verify("$protected.$payload", $value, $seal, $digests[$header['alg']]) !== 1) {
        fail('the receipt was changed');
    }
    return json_decode(unbase64url($payload), true);
}

/** Fails unless a list in force of the seal's own authority does not name the seal (RFC 5280 5). */
function check_revocation(string $seal, array $anchors, array $files): void
{
    $now = time();
    $current = [];
    foreach ($anchors as $anchor) {
        $authority = (string) file_get_contents($anchor);
        if (openssl_x509_verify($seal, $authority) === 1) {
            foreach (array_merge([], ...array_map('lists_in', $files)) as $list) {
                $current[] = revocations($list, $authority);
            }
        }
    }
    $current = array_filter($current, fn ($list) => $list !== null && $list['from'] <= $now && $now <= $list['until']);
    $current !== [] || fail('nobody can tell whether the seal is revoked: no revocation list in force');
    $serial = shortest(openssl_x509_parse($seal)['serialNumberHex']);
    foreach ($current as $list) {
        !isset($list['serials'][$serial]) || fail('the seal is revoked');
    }
}

/** The lists in a file, in DER: it holds PEM, each block one, or one in DER. */
function lists_in(string $file): array
{
    $octets = (string) file_get_contents($file);
    preg_match_all('/-----BEGIN X509 CRL-----([^-]+)-----END/', $octets, $blocks);
    return $blocks[1] === [] ? [$octets] : array_map('base64_decode', $blocks[1]);
}

/**
 * What a list says, if the authority signed it and it holds nothing that this program must not pass over.
 *
 * Such are extensions marked critical: they make a list one of some certificates only, or of changes only.
 */
function revocations(string $octets, string $authority): ?array
{
    [$signed, $algorithm, $signature] = der_values(der_values($octets)[0]['content']);
    $digests = [
        '2a8648ce3d040302' => OPENSSL_ALGO_SHA256, // ecdsa-with-SHA256
        '2a8648ce3d040303' => OPENSSL_ALGO_SHA384,
        '2a864886f70d01010b' => OPENSSL_ALGO_SHA256, // sha256WithRSAEncryption
        '2a864886f70d01010c' => OPENSSL_ALGO_SHA384,
        '2a864886f70d01010d' => OPENSSL_ALGO_SHA512,
    ];
    $digest = $digests[bin2hex(der_values($algorithm['content'])[0]['content'])] ?? null;
    $value = substr($signature['content'], 1);
    if ($digest === null || openssl_verify($signed['octets'], $value, $authority, $digest) !== 1) {
        return null;
    }
    $inside = der_values($signed['content']);
    if ($inside[0]['tag'] === DER_INTEGER) {
        array_shift($inside); // the version
    }
    [, , $from] = $inside; // first an algorithm and a name
    $rest = array_slice($inside, 3);
    $until = in_array($rest[0]['tag'] ?? 0, [DER_UTC_TIME, DER_GENERALIZED_TIME], true) ? array_shift($rest) : null;
    $entries = ($rest[0]['tag'] ?? 0) === DER_SEQUENCE ? der_values(array_shift($rest)['content']) : [];
    $marked = isset($rest[0]) ? der_values(der_values($rest[0]['content'])[0]['content']) : [];
    $serials = [];
    foreach ($entries as $entry) {
        $parts = der_values($entry['content']);
        $serials[shortest(bin2hex($parts[0]['content']))] = true;
        $marked = array_merge($marked, isset($parts[2]) ? der_values($parts[2]['content']) : []);
    }
    foreach ($marked as $extension) {
        if (count(der_values($extension['content'])) > 2) { // identifier, TRUE for critical, octets
            return null;
        }
    }
    return $until === null ? null : ['from' => moment($from), 'until' => moment($until), 'serials' => $serials];
}

function shortest(string $hex): string
{
    return 'x' . ltrim(strtoupper($hex), '0');
}

function moment(array $time): int
{
    $digits = $time['content'];
    if ($time['tag'] === DER_UTC_TIME) {
        $digits = ((int) substr($digits, 0, 2) < 50 ? '20' : '19') . $digits; // RFC 5280 4.1.2.5.1
    }
    $moment = DateTimeImmutable::createFromFormat('YmdHis\Z', $digits, new DateTimeZone('UTC'));
    return $moment === false ? fail('a revocation list cannot be read') : $moment->getTimestamp();
}

/** The DER values that follow one another: tag, content, and all octets of each. */
function der_values(string $octets): array
{
    $found = [];
    for ($at = 0, $size = strlen($octets); $at < $size; $at = $end) {
        $first = ord($octets[$at + 1] ?? "\x80");
        $count = $first > 127 ? $first & 127 : 0;
        $start = $at + 2 + $count;
        ($first !== 128 && $count <= 4 && $start <= $size) || fail('a revocation list cannot be read');
        $end = $start + ($count > 0 ? (int) hexdec(bin2hex(substr($octets, $at + 2, $count))) : $first);
        $end <= $size || fail('a revocation list cannot be read');
        $content = substr($octets, $start, $end - $start);
        $found[] = ['tag' => ord($octets[$at]), 'content' => $content, 'octets' => substr($octets, $at, $end - $at)];
    }
    return $found;
}

/** A token, for a JWT signed with the same key (private_key_jwt, RFC 7523). */
function token(array $of, $key, string $scope): string
{
    $address = "$of[hub]/oauth2/token";
    $claims = ['iss' => $of['party'], 'sub' => $of['party'], 'aud' => $address, 'jti' => uuid(), 'exp' => time() + 120];
    $head = base64url('{"alg":"RS256","typ":"JWT"}');
    $input = $head . '.' . base64url(json_encode($claims, JSON_UNESCAPED_SLASHES));
    openssl_sign($input, $value, $key, OPENSSL_ALGO_SHA256) || fail('cannot sign');
    $form = http_build_query([
        'grant_type' => 'client_credentials',
        'client_assertion_type' => 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        'client_assertion' => "$input." . base64url($value),
        'scope' => $scope,
    ]);
    [$status, $body] = call('POST', $address, ['Content-Type' => 'application/x-www-form-urlencoded'], $form);
    $status === 200 || fail("no token: $body");
    return json_decode($body, true)['access_token'];
}

/** The letter's entry in the inbox, once the hub's worker has laid it ready. */
function entry(array $of, array $as, string $reference): array
{
    for ($tries = 0; $tries < 20; $tries++) {
        [$status, $body] = call('GET', "$of[hub]/api/v1/inbox?office=$of[office]&limit=100", $as);
        $status === 200 || fail("$status $body");
        foreach (json_decode($body, true)['letters'] as $one) {
            if ($one['reference'] === $reference) {
                return $one;
            }
        }
        sleep(1);
    }
    fail('the letter did not arrive');
}

function fail(string $why): void
{
    fwrite(STDERR, "$why\n");
    exit(1);
}

if ($argc !== 2) {
    fwrite(STDERR, "usage: php exchange.php party.toml\n");
    exit(2);
}
preg_match_all('/^(\w+) = "(.*)"$/m', (string) file_get_contents($argv[1]), $lines);
$of = array_combine($lines[1], $lines[2]);
$folder = dirname($argv[1]);
$key = openssl_pkey_get_private((string) file_get_contents("$folder/$of[key]"));

$id = uuid();
$octets = sign(letter($of, $id), $key, (string) file_get_contents("$folder/$of[certificate]"));
$sealed = submit($of['hub'], $octets);
$receipt = verified($sealed, "$folder/$of[trust]");
$ours = $receipt['kind'] === 'acceptance' && $receipt['messageId'] === $id;
($ours && $receipt['received']['sha256'] === hash('sha256', $octets)) || fail('a receipt of something else');
$reference = $receipt['reference'];
file_put_contents("receipt-$reference.jws", $sealed);
echo "accepted $reference, receipt verified\n";

$as = ['Authorization' => 'Bearer ' . token($of, $key, 'inbox')];
$entry = entry($of, $as, $reference);
[$status, $content] = call('GET', $of['hub'] . $entry['content'], $as);
($status === 200 && $content === $octets) || fail('another letter than was sent');
file_put_contents("letter-$reference.xml", $content);
echo "fetched $reference: $entry[subject]\n";
$number = json_encode(['registerNumber' => 'php/1']);
$address = "$of[hub]/api/v1/inbox/$entry[delivery]/acknowledge";
[$status, $body] = call('POST', $address, $as + ['Content-Type' => 'application/json'], $number);
$status === 200 || fail("$status $body");
$state = json_decode($body, true)['state'];
echo "acknowledged $reference: $state\n";
exit($state === 'HANDED_OVER' ? 0 : 1);
