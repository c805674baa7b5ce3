// Hands a letter in, waits until it lies in an office's inbox, and acknowledges it, with the npm package soap.
//
//   node letter.mjs WSDL AUTHORITY.pem CLIENT.pem LETTER.xml OFFICE RECEIPT.xml
import { readFileSync, writeFileSync } from "node:fs";
import { Agent } from "node:https";
import soap from "soap";

const [wsdl, authority, client, letter, office, receipt] = process.argv.slice(2);
const pem = readFileSync(client);
const tls = { ca: readFileSync(authority), cert: pem, key: pem };
const hub = await soap.createClientAsync(wsdl, { wsdl_options: { httpsAgent: new Agent(tls) } });
hub.setSecurity(new soap.ClientSSLSecurity(pem, pem, tls.ca));

const octets = readFileSync(letter).toString("base64");
const [answer] = await hub.SubmitEnvelopeAsync({ octets, mediaType: "application/xml" });
writeFileSync(receipt, Buffer.from(answer.receipt, "base64"));
for (let tries = 0; tries < 300; tries++) {
  const [inbox] = await hub.ListInboxAsync({ office });
  const found = [inbox?.letter ?? []].flat().find((one) => one.reference === answer.reference);
  if (found) {
    const [now] = await hub.AcknowledgeAsync({ delivery: found.delivery, registerNumber: "NODE-1" });
    console.log(answer.status, found.delivery, now.state);
    process.exit(0);
  }
  await new Promise((resolve) => setTimeout(resolve, 100));
}
process.exit(1);
