// A whole exchange with Node.js alone: submit, verify the receipt, fetch the inbox, acknowledge.
//
//   node exchange.mjs party.toml
//
// With hub.mjs and seal.mjs beside it. party.toml is what `wasl party test` makes, with a key of either kind.
// Ends with 0 when all of it was done, with 1 when the hub said no or the receipt is not under a seal of the
// trust folder, revocation included.
import { createHash, randomUUID, verify, X509Certificate } from "node:crypto";
import { exchange, jws, main } from "./hub.mjs";
import { checkSeal } from "./seal.mjs";

const DIGESTS = { ES256: "sha256", ES384: "sha384", RS256: "sha256" };

function sign(me, messageId) {
  const envelope = {
    version: "1.0",
    hub: me.hub_code,
    messageId,
    purpose: "letter",
    createdAt: new Date().toISOString(),
    sender: { party: me.party },
    recipients: [{ office: me.office }],
    subject: "Letter by Node.js",
    language: "en",
    test: true,
    body: "Signed and sent without a package.",
  };
  const x5c = [me.own.raw.toString("base64")];
  return jws(me, { typ: "wasl-envelope+json", iat: Math.floor(Date.now() / 1000), x5c }, envelope);
}

/** The content of a receipt, if its seal is one of the trust folder and covers it. */
function opened(me, receipt) {
  const [protectedPart, payload, signature] = receipt.split(".");
  const header = JSON.parse(Buffer.from(protectedPart, "base64url"));
  const digest = DIGESTS[header.alg];
  if (header.typ !== "wasl-receipt+json" || !digest) throw new Error("not a receipt");
  const seal = new X509Certificate(Buffer.from(header.x5c[0], "base64"));
  checkSeal(me, seal);
  const publicKey = { key: seal.publicKey, dsaEncoding: "ieee-p1363" };
  const input = Buffer.from(`${protectedPart}.${payload}`);
  if (!verify(digest, input, publicKey, Buffer.from(signature, "base64url"))) throw new Error("the receipt was changed");
  return JSON.parse(Buffer.from(payload, "base64url"));
}

await main(async (me) => {
  const messageId = randomUUID();
  const letter = sign(me, messageId);
  const verified = (octets) => {
    const receipt = opened(me, octets);
    const sha256 = createHash("sha256").update(letter).digest("hex");
    const ours = receipt.kind === "acceptance" && receipt.messageId === messageId && receipt.received.sha256 === sha256;
    if (!ours) throw new Error("a receipt of something else");
    return receipt.reference;
  };
  return exchange(me, { letter, mediaType: "application/jose", ending: "jws", number: "node/1", verified });
});
