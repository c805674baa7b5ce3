// A whole exchange with Node.js and the package xml-crypto: a letter in XML with a plain XML signature.
//
//   npm ci && node xml-crypto.mjs party.toml
//
// With hub.mjs and seal.mjs of the folder node beside this one. party.toml is what `wasl party test` makes, with
// an RSA key. Ends with 0 when all of it was done, with 1 when the hub said no or the receipt is not under a
// seal of the trust folder, revocation included.
import { createVerify, randomUUID, X509Certificate } from "node:crypto";
import { DOMParser } from "@xmldom/xmldom";
import { SignedXml } from "xml-crypto";
import { exchange, main } from "../node/hub.mjs";
import { checkSeal } from "../node/seal.mjs";

const DS = "http://www.w3.org/2000/09/xmldsig#";
const EXCLUSIVE = "http://www.w3.org/2001/10/xml-exc-c14n#";
const ENVELOPED = `${DS}enveloped-signature`;
const RSA_SHA256 = "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256";
const ECDSA = { "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256": "sha256", "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384": "sha384" };
const SHA256 = "http://www.w3.org/2001/04/xmlenc#sha256";
const RECEIPT = "urn:wasl:receipt:1.0";

function sign(me, messageId) {
  const now = new Date().toISOString().replace(/\.\d+Z$/, "Z");
  const letter =
    `<Envelope xmlns="urn:wasl:envelope:1.0"><Version>1.0</Version><Hub>${me.hub_code}</Hub>` +
    `<MessageId>${messageId}</MessageId><Purpose>letter</Purpose><CreatedAt>${now}</CreatedAt>` +
    `<Sender><Party>${me.party}</Party></Sender>` +
    `<Recipients><Recipient><Office>${me.office}</Office></Recipient></Recipients>` +
    "<Subject>Letter by xml-crypto</Subject><Language>ar</Language><Test>true</Test>" +
    "<Body>رسالة تجريبية، وقّعتها الحزمة xml-crypto.</Body></Envelope>";
  const signing = new SignedXml({
    privateKey: me.private.export({ type: "pkcs8", format: "pem" }),
    publicCert: me.own.toString(),
    signatureAlgorithm: RSA_SHA256,
    canonicalizationAlgorithm: EXCLUSIVE,
  });
  signing.addReference({ xpath: "/*", transforms: [ENVELOPED, EXCLUSIVE], digestAlgorithm: SHA256, isEmptyUri: true });
  signing.computeSignature(letter, { location: { reference: "/*", action: "append" } });
  return signing.getSignedXml();
}

/** Elliptic curves, which the package leaves to its users: r and s stand side by side, not in DER (RFC 4050). */
function ecdsa(name, digest) {
  return class {
    getAlgorithmName = () => name;
    verifySignature = (signedInfo, certificate, value) =>
      createVerify(digest)
        .update(signedInfo)
        .verify({ key: new X509Certificate(certificate).publicKey, dsaEncoding: "ieee-p1363" }, value, "base64");
  };
}

/** What the seal of a receipt covers, as a document: nothing else of what came is read. */
function opened(me, receipt) {
  if (receipt.includes("<!DOCTYPE")) throw new Error("not a receipt");
  const root = new DOMParser().parseFromString(receipt, "text/xml").documentElement;
  const signatures = root.getElementsByTagNameNS(DS, "Signature");
  if (signatures.length !== 1 || signatures[0].parentNode !== root) throw new Error("not one signature in the root");
  const carried = signatures[0].getElementsByTagNameNS(DS, "X509Certificate")[0];
  const seal = new X509Certificate(Buffer.from(carried?.textContent ?? "", "base64"));
  checkSeal(me, seal);
  const signed = new SignedXml({ publicCert: seal.toString() });
  const curves = Object.entries(ECDSA).map(([name, digest]) => [name, ecdsa(name, digest)]);
  signed.SignatureAlgorithms = { [RSA_SHA256]: signed.SignatureAlgorithms[RSA_SHA256], ...Object.fromEntries(curves) };
  signed.loadSignature(signatures[0]);
  if (!signed.checkSignature(receipt)) throw new Error("the receipt was changed");
  const whole = signed.getReferences().findIndex((one) => one.uri === "");
  if (whole < 0) throw new Error("not the whole receipt is sealed");
  return new DOMParser().parseFromString(signed.getSignedReferences()[whole], "text/xml").documentElement;
}

await main(async (me) => {
  const messageId = randomUUID();
  const letter = sign(me, messageId);
  const verified = (octets) => {
    const receipt = opened(me, octets);
    const text = (name) => receipt.getElementsByTagNameNS(RECEIPT, name)[0]?.textContent;
    const ours = receipt.namespaceURI === RECEIPT && text("Kind") === "acceptance" && text("MessageId") === messageId;
    if (!ours) throw new Error("a receipt of something else");
    return text("Reference");
  };
  return exchange(me, { letter, mediaType: "application/xml", ending: "xml", number: "xml-crypto/1", verified });
});
