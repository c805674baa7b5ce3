// A whole exchange with Node.js and the package jose: a letter in JSON, signed as a compact JWS.
//
//   npm ci && node jose.mjs party.toml
//
// With hub.mjs and seal.mjs of the folder node beside this one. party.toml is what `wasl party test` makes, with
// a key of either kind. Ends with 0 when all of it was done, with 1 when the hub said no or the receipt is not
// under a seal of the trust folder, revocation included.
import { createHash, randomUUID, X509Certificate } from "node:crypto";
import { CompactSign, compactVerify, decodeProtectedHeader } from "jose";
import { exchange, main } from "../node/hub.mjs";
import { checkSeal } from "../node/seal.mjs";

const ALGORITHMS = ["ES256", "ES384", "RS256"];

async function sign(me, messageId) {
  const envelope = {
    version: "1.0",
    hub: me.hub_code,
    messageId,
    purpose: "letter",
    createdAt: new Date().toISOString(),
    sender: { party: me.party },
    recipients: [{ office: me.office }],
    subject: "Letter by jose",
    language: "ar",
    test: true,
    body: "رسالة تجريبية، وقّعتها الحزمة jose.",
  };
  return new CompactSign(new TextEncoder().encode(JSON.stringify(envelope)))
    .setProtectedHeader({
      alg: me.alg,
      typ: "wasl-envelope+json",
      iat: Math.floor(Date.now() / 1000),
      x5c: [me.own.raw.toString("base64")],
    })
    .sign(me.private);
}

/** The content of a receipt, if its seal is one of the trust folder and covers it. */
async function opened(me, receipt) {
  const seal = new X509Certificate(Buffer.from(decodeProtectedHeader(receipt).x5c[0], "base64"));
  checkSeal(me, seal);
  const { payload, protectedHeader } = await compactVerify(receipt, seal.publicKey, { algorithms: ALGORITHMS });
  if (protectedHeader.typ !== "wasl-receipt+json") throw new Error("not a receipt");
  return JSON.parse(new TextDecoder().decode(payload));
}

await main(async (me) => {
  const messageId = randomUUID();
  const letter = await sign(me, messageId);
  const verified = async (octets) => {
    const receipt = await opened(me, octets);
    const sha256 = createHash("sha256").update(letter).digest("hex");
    const ours = receipt.kind === "acceptance" && receipt.messageId === messageId && receipt.received.sha256 === sha256;
    if (!ours) throw new Error("a receipt of something else");
    return receipt.reference;
  };
  return exchange(me, { letter, mediaType: "application/jose", ending: "jws", number: "jose/1", verified });
});
