// What every program for Node.js here shares: the party's settings, its signature, and the calls to the hub.
import { createPrivateKey, randomUUID, sign, X509Certificate } from "node:crypto";
import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";

/** What party.toml says, with the key and the certificate that it names. */
export function party(file) {
  const folder = dirname(file);
  const settings = Object.fromEntries(
    [...readFileSync(file, "utf8").matchAll(/^(\w+) = "(.*)"$/gm)].map(([, name, value]) => [name, value]),
  );
  const key = createPrivateKey(readFileSync(join(folder, settings.key)));
  const certificate = new X509Certificate(readFileSync(join(folder, settings.certificate)));
  return { ...settings, folder, private: key, own: certificate, alg: key.asymmetricKeyType === "ec" ? "ES256" : "RS256" };
}

/** A compact JWS; the signature of an elliptic curve is r and s side by side, not DER. */
export function jws(me, header, payload) {
  const base64url = (value) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const input = `${base64url({ alg: me.alg, ...header })}.${base64url(payload)}`;
  const value = sign("sha256", Buffer.from(input), { key: me.private, dsaEncoding: "ieee-p1363" });
  return `${input}.${value.toString("base64url")}`;
}

/** Send the same octets until the hub has answered: a repeat never makes a second letter. */
async function submit(me, letter, mediaType) {
  for (let wait = 1; ; wait *= 2) {
    const answer = await fetch(`${me.hub}/api/v1/envelopes`, {
      method: "POST",
      headers: { "Content-Type": mediaType, "Accept-Language": "en" },
      body: letter,
    }).catch(() => null);
    if (answer && answer.status < 500 && answer.status !== 429) return answer;
    if (wait > 16) throw new Error("no answer; the same octets may be sent again later");
    await pause(Math.max(wait, Number(answer?.headers.get("retry-after")) || 0) * 1000);
  }
}

/** A token, for a JWT signed with the same key (private_key_jwt, RFC 7523). */
async function token(me, scope) {
  const audience = `${me.hub}/oauth2/token`;
  const exp = Math.floor(Date.now() / 1000) + 120;
  const claims = { iss: me.party, sub: me.party, aud: audience, jti: randomUUID(), exp };
  const answer = await fetch(audience, {
    method: "POST",
    body: new URLSearchParams({
      grant_type: "client_credentials",
      client_assertion_type: "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
      client_assertion: jws(me, { typ: "JWT" }, claims),
      scope,
    }),
  });
  if (!answer.ok) throw new Error(`no token: ${await answer.text()}`);
  return (await answer.json()).access_token;
}

/**
 * Submit, verify the receipt, fetch the inbox, acknowledge.
 *
 * `verified(octets)` gives what a good acceptance of this very letter says: its reference.
 */
export async function exchange(me, { letter, mediaType, ending, number, verified }) {
  const answer = await submit(me, letter, mediaType);
  const octets = await answer.text();
  if (![200, 201].includes(answer.status)) throw new Error(`not accepted: ${answer.status} ${octets}`);
  const reference = await verified(octets);
  writeFileSync(`receipt-${reference}.${ending}`, octets);
  console.log(`accepted ${reference}, receipt verified`);

  const headers = { Authorization: `Bearer ${await token(me, "inbox")}` };
  const inbox = async (path, more = {}) => {
    const said = await fetch(me.hub + path, { ...more, headers: { ...headers, ...more.headers } });
    if (!said.ok) throw new Error(`${said.status} ${await said.text()}`);
    return said;
  };
  let entry;
  for (let tries = 0; !entry && tries < 20; tries += 1) {
    const listed = await (await inbox(`/api/v1/inbox?office=${me.office}&limit=100`)).json();
    entry = listed.letters.find((one) => one.reference === reference);
    if (!entry) await pause(1000);
  }
  if (!entry) throw new Error("the letter did not arrive");
  const content = await (await inbox(entry.content)).text();
  writeFileSync(`letter-${reference}.${ending}`, content);
  if (content !== letter) throw new Error("another letter than was sent");
  console.log(`fetched ${reference}: ${entry.subject}`);
  const taken = await inbox(`/api/v1/inbox/${entry.delivery}/acknowledge`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ registerNumber: number }),
  });
  const { state } = await taken.json();
  console.log(`acknowledged ${reference}: ${state}`);
  return state === "HANDED_OVER";
}

/** Run a program with the settings of the command line; its status is 0, or 1 with one line of why. */
export async function main(program) {
  const file = process.argv[2];
  if (!file) {
    console.error("usage: node PROGRAM party.toml");
    process.exit(2);
  }
  try {
    process.exitCode = (await program(party(file))) ? 0 : 1;
  } catch (error) {
    console.error(error.message);
    process.exitCode = 1;
  }
}
