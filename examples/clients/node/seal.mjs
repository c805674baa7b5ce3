// Whether a seal is to be believed: the trust folder's authorities and their revocation lists (RFC 5280 5).
import { verify, X509Certificate } from "node:crypto";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

const DIGESTS = {
  "2a8648ce3d040302": "sha256", // ecdsa-with-SHA256
  "2a8648ce3d040303": "sha384", // ecdsa-with-SHA384
  "2a864886f70d01010b": "sha256", // sha256WithRSAEncryption
  "2a864886f70d01010c": "sha384",
  "2a864886f70d01010d": "sha512",
};
const INTEGER = 0x02;
const SEQUENCE = 0x30;
const UTC_TIME = 0x17;
const GENERALIZED_TIME = 0x18;
const LIST_EXTENSIONS = 0xa0;

/** Check that a seal is in force, issued under the trust folder's seal/ (seal/test/ for tests), and not revoked. */
export function checkSeal(me, seal) {
  const files = ["seal", "seal/test"]
    .map((name) => join(me.folder, me.trust, name))
    .filter(existsSync)
    .flatMap((place) => readdirSync(place).map((name) => join(place, name)));
  const read = (ending) => files.filter((path) => path.endsWith(ending)).map((path) => readFileSync(path));
  const anchors = read(".pem").map((octets) => new X509Certificate(octets));
  const issuer = anchors.find((anchor) => anchor.ca && seal.checkIssued(anchor) && seal.verify(anchor.publicKey));
  const now = new Date();
  const inForce = new Date(seal.validFrom) <= now && now <= new Date(seal.validTo);
  if (!issuer || !inForce) throw new Error("the seal is not one of the trust folder");
  const lists = read(".crl").flatMap(inDer).map((octets) => revocations(octets, issuer.publicKey));
  const current = lists.filter((list) => list && list.from <= now && now <= list.until);
  if (!current.length) throw new Error("nobody can tell whether the seal is revoked: no revocation list in force");
  const serial = shortest(seal.serialNumber);
  if (current.some((list) => list.serials.has(serial))) throw new Error("the seal is revoked");
}

/** The lists in a file: PEM, each block one, or DER. */
function inDer(octets) {
  const blocks = [...octets.toString("latin1").matchAll(/-----BEGIN X509 CRL-----([^-]+)-----END/g)];
  return blocks.length ? blocks.map(([, base64]) => Buffer.from(base64, "base64")) : [octets];
}

/**
 * What a list says, if the authority signed it and it holds nothing that this program must not pass over.
 *
 * Such are extensions marked critical: they make a list one of some certificates only, or of changes only.
 */
function revocations(octets, publicKey) {
  const [whole] = values(octets);
  const [signed, algorithm, signature] = values(whole.content);
  const digest = DIGESTS[values(algorithm.content)[0].content.toString("hex")];
  if (!digest || !verify(digest, signed.octets, publicKey, signature.content.subarray(1))) return null;
  const inside = values(signed.content);
  if (inside[0].tag === INTEGER) inside.shift(); // the version
  const [, , from, ...rest] = inside; // first an algorithm and a name
  const until = isTime(rest[0]) ? rest.shift() : null;
  const entries = rest[0]?.tag === SEQUENCE ? values(rest.shift().content) : [];
  const extensions = rest[0]?.tag === LIST_EXTENSIONS ? values(values(rest[0].content)[0].content) : [];
  const parts = entries.map((entry) => values(entry.content));
  const marked = [...extensions, ...parts.flatMap(([, , more]) => (more ? values(more.content) : []))];
  if (!until || marked.some(critical)) return null;
  const serials = new Set(parts.map(([serial]) => shortest(serial.content.toString("hex"))));
  return { from: moment(from), until: moment(until), serials };
}

/** An extension is an identifier, perhaps TRUE for critical, and octets. */
const critical = (extension) => values(extension.content).length > 2;
const isTime = (value) => value?.tag === UTC_TIME || value?.tag === GENERALIZED_TIME;
const shortest = (hex) => hex.toUpperCase().replace(/^0+/, "");

function moment({ tag, content }) {
  const digits = content.toString("latin1");
  const year = tag === GENERALIZED_TIME ? "" : Number(digits.slice(0, 2)) < 50 ? "20" : "19"; // RFC 5280 4.1.2.5.1
  const iso = `${year}${digits}`.replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z");
  return new Date(iso);
}

/** The DER values that follow one another: tag, content, and all octets of each. */
function values(octets) {
  const found = [];
  for (let at = 0; at < octets.length; ) {
    const first = octets[at + 1];
    const count = first > 127 ? first & 127 : 0;
    if (first === undefined || first === 128 || count > 4 || at + 2 + count > octets.length) throw new Error("a revocation list cannot be read");
    const start = at + 2 + count;
    const end = start + (count ? octets.readUIntBE(at + 2, count) : first);
    if (end > octets.length) throw new Error("a revocation list cannot be read");
    found.push({ tag: octets[at], content: octets.subarray(start, end), octets: octets.subarray(at, end) });
    at = end;
  }
  return found;
}
