// The same as letter.mjs with an attachment, octets in parts of their own (MTOM) both ways.
//
//   node mtom.mjs WSDL AUTHORITY.pem CLIENT.pem LETTER.xml OFFICE RECEIPT.xml CONTENT-ID FILE
//
// The package frames the parts, and where a value stands in one is written by hand.
import { readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import soap from "soap";

const [wsdl, authority, client, letter, office, receipt, contentId, file] = process.argv.slice(2);
const pem = readFileSync(client);
const tls = { ca: readFileSync(authority), cert: pem, key: pem };
const options = { wsdl_options: { httpsAgent: new Agent(tls) }, parseResponseAttachments: true };
const hub = await soap.createClientAsync(wsdl, options);
hub.setSecurity(new soap.ClientSSLSecurity(pem, pem, tls.ca));

const XOP = "http://www.w3.org/2004/08/xop/include";
const included = (id) => ({ "xop:Include": { attributes: { "xmlns:xop": XOP, href: `cid:${id}` } } });
const part = (id, mimetype, path) => ({ name: id, contentId: id, mimetype, body: readFileSync(path) });
const call = { octets: included("letter@node"), mediaType: "application/xml", attachment: [{ contentId, content: included("file@node") }] };
const parts = [part("letter@node", "application/xml", letter), part("file@node", "application/octet-stream", file)];
const [answer] = await hub.SubmitEnvelopeAsync(call, { attachments: parts });
writeFileSync(receipt, Buffer.from(answer.receipt, "base64"));

/** An answer, and the octets of the one part beside it. */
async function asked(operation, question) {
  const [said, , , , found] = await hub[`${operation}Async`](question, { forceMTOM: true });
  return [said, found.parts[0].body];
}

for (let tries = 0; tries < 300; tries++) {
  const [inbox] = await hub.ListInboxAsync({ office });
  const found = [inbox?.letter ?? []].flat().find((one) => one.reference === answer.reference);
  if (found) {
    const { delivery } = found;
    const [content, envelope] = await asked("GetContent", { delivery });
    const [, attachment] = await asked("GetAttachment", { delivery, attachment: [content.attachment].flat()[0].id });
    if (!envelope.equals(readFileSync(letter)) || !attachment.equals(readFileSync(file))) process.exit(3);
    const [now] = await hub.AcknowledgeAsync({ delivery, registerNumber: "NODE-MTOM" });
    console.log(answer.status, delivery, now.state);
    process.exit(0);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
process.exit(1);
