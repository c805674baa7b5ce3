// A whole exchange with Node.js alone: submit, verify the receipt, fetch the inbox, acknowledge.
//
//   node exchange.mjs party.toml
//
// party.toml is what `wasl party test` makes, with a key of either kind. Ends with 0 when all of it was done,
// with 1 when the hub said no or the receipt is not under a seal of the trust folder. The chain from the seal
// to its authority is checked, and the time; revocation is not: that is `wasl verify`.
import { createHash, createPrivateKey, randomUUID, sign, verify, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

const file = process.argv[2];
if (!file) {
  console.error("usage: node exchange.mjs party.toml");
  process.exit(2);
}
const folder = dirname(file);
const settings = Object.fromEntries(
  [...readFileSync(file, "utf8").matchAll(/^(\w+) = "(.*)"$/gm)].map(([, name, value]) => [name, value]),
);
const key = createPrivateKey(readFileSync(join(folder, settings.key)));
const certificate = new X509Certificate(readFileSync(join(folder, settings.certificate)));
const alg = key.asymmetricKeyType === "ec" ? "ES256" : "RS256";

const base64url = (value) => Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url");

/** A compact JWS; the signature of an elliptic curve is r and s side by side, not DER. */
function jws(header, payload) {
  const input = `${base64url({ alg, ...header })}.${base64url(payload)}`;
  return `${input}.${sign("sha256", Buffer.from(input), { key, dsaEncoding: "ieee-p1363" }).toString("base64url")}`;
}

/** Send the same octets until the hub has answered: a repeat never makes a second letter. */
async function submit(body) {
  for (let wait = 1; ; wait *= 2) {
    const answer = await fetch(`${settings.hub}/api/v1/envelopes`, {
      method: "POST",
      headers: { "Content-Type": "application/jose", "Accept-Language": "en" },
      body,
    }).catch(() => null);
    if (answer && answer.status < 500 && answer.status !== 429) return answer;
    if (wait > 16) throw new Error("no answer; the same octets may be sent again later");
    await pause(Math.max(wait, Number(answer?.headers.get("retry-after")) || 0) * 1000);
  }
}

/** The content of a receipt that is sealed under the trust folder's seal/ (seal/test/ for tests). */
function verified(receipt) {
  const [protectedPart, payload, signature] = receipt.split(".");
  const header = JSON.parse(Buffer.from(protectedPart, "base64url"));
  if (header.typ !== "wasl-receipt+json" || !["ES256", "ES384", "RS256"].includes(header.alg)) throw new Error("not a receipt");
  const seal = new X509Certificate(Buffer.from(header.x5c[0], "base64"));
  const anchors = ["seal", "seal/test"]
    .map((name) => join(folder, settings.trust, name))
    .filter(existsSync)
    .flatMap((place) => readdirSync(place).filter((name) => name.endsWith(".pem")).map((name) => join(place, name)))
    .map((path) => new X509Certificate(readFileSync(path)));
  const trusted = anchors.some((anchor) => seal.checkIssued(anchor) && seal.verify(anchor.publicKey));
  const now = new Date();
  const inForce = new Date(seal.validFrom) <= now && now <= new Date(seal.validTo);
  if (!trusted || !inForce) throw new Error("the seal is not one of the trust folder");
  const digest = header.alg === "ES384" ? "sha384" : "sha256";
  const publicKey = { key: seal.publicKey, dsaEncoding: "ieee-p1363" };
  const input = Buffer.from(`${protectedPart}.${payload}`);
  if (!verify(digest, input, publicKey, Buffer.from(signature, "base64url"))) throw new Error("the receipt was changed");
  return JSON.parse(Buffer.from(payload, "base64url"));
}

/** A token, for a JWT signed with the same key (private_key_jwt, RFC 7523). */
async function token(scope) {
  const audience = `${settings.hub}/oauth2/token`;
  const exp = Math.floor(Date.now() / 1000) + 120;
  const claims = { iss: settings.party, sub: settings.party, aud: audience, jti: randomUUID(), exp };
  const answer = await fetch(audience, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: jws({ typ: "JWT" }, claims),
      scope,
    }),
  });
  if (!answer.ok) throw new Error(`no token: ${await answer.text()}`);
  return (await answer.json()).access_token;
}

async function main() {
  const messageId = randomUUID();
  const envelope = {
    version: "1.0",
    hub: settings.hub_code,
    messageId,
    purpose: "letter",
    createdAt: new Date().toISOString(),
    sender: { party: settings.party },
    recipients: [{ office: settings.office }],
    subject: "Letter by Node.js",
    language: "en",
    test: true,
    body: "Signed and sent without a package.",
  };
  const x5c = [certificate.raw.toString("base64")];
  const letter = jws({ typ: "wasl-envelope+json", iat: Math.floor(Date.now() / 1000), x5c }, envelope);

  const answer = await submit(letter);
  const octets = await answer.text();
  if (![200, 201].includes(answer.status)) throw new Error(`not accepted: ${answer.status} ${octets}`);
  const receipt = verified(octets);
  const sha256 = createHash("sha256").update(letter).digest("hex");
  const ours = receipt.kind === "acceptance" && receipt.messageId === messageId && receipt.received.sha256 === sha256;
  if (!ours) throw new Error("a receipt of something else");
  const reference = receipt.reference;
  writeFileSync(`receipt-${reference}.jws`, octets);
  console.log(`accepted ${reference}, receipt verified`);

  const headers = { Authorization: `Bearer ${await token("inbox")}` };
  const inbox = async (path, more = {}) => {
    const said = await fetch(settings.hub + path, { ...more, headers: { ...headers, ...more.headers } });
    if (!said.ok) throw new Error(`${said.status} ${await said.text()}`);
    return said;
  };
  let entry;
  for (let tries = 0; !entry && tries < 20; tries += 1) {
    const listed = await (await inbox(`/api/v1/inbox?office=${settings.office}&limit=100`)).json();
    entry = listed.letters.find((one) => one.reference === reference);
    if (!entry) await pause(1000);
  }
  if (!entry) throw new Error("the letter did not arrive");
  const content = await (await inbox(entry.content)).text();
  writeFileSync(`letter-${reference}.jws`, content);
  if (content !== letter) throw new Error("another letter than was sent");
  console.log(`fetched ${reference}: ${entry.subject}`);
  const taken = await inbox(`/api/v1/inbox/${entry.delivery}/acknowledge`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ registerNumber: "node/1" }),
  });
  const { state } = await taken.json();
  console.log(`acknowledged ${reference}: ${state}`);
  return state === "HANDED_OVER";
}

try {
  process.exitCode = (await main()) ? 0 : 1;
} catch (error) {
  console.error(error.message);
  process.exitCode = 1;
}
