import hub.Acknowledge;
import hub.ByDelivery;
import hub.Entry;
import hub.GetAttachment;
import hub.GetContentResponse;
import hub.Hub;
import hub.ListInbox;
import hub.ObjectFactory;
import hub.Submission;
import hub.SubmitEnvelopeResponse;
import hub.Wasl;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.net.URL;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.KeyFactory;
import java.security.KeyStore;
import java.security.PrivateKey;
import java.security.cert.Certificate;
import java.security.cert.CertificateFactory;
import java.security.spec.PKCS8EncodedKeySpec;
import java.util.Arrays;
import java.util.Base64;
import javax.activation.DataHandler;
import javax.activation.FileDataSource;
import javax.net.ssl.HttpsURLConnection;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import javax.net.ssl.TrustManagerFactory;
import javax.xml.ws.soap.MTOMFeature;

/**
 * Hands a letter with an attachment in, fetches and acknowledges it: JAX-WS, all octets by MTOM.
 *
 * <pre>java Mtom WSDL AUTHORITY.pem CLIENT.pem LETTER.xml OFFICE RECEIPT.xml CONTENT-ID FILE [Soap11|Soap12]</pre>
 *
 * The package hub is what wsimport makes of the description.
 */
public final class Mtom {
    public static void main(String[] given) throws Exception {
        Path letter = Path.of(given[3]), file = Path.of(given[7]);
        HttpsURLConnection.setDefaultSSLSocketFactory(mutual(given[1], Path.of(given[2])).getSocketFactory());
        Wasl service = new Wasl(new URL(given[0]));
        Hub hub = "Soap12".equals(given[8]) ? service.getSoap12(new MTOMFeature()) : service.getSoap11(new MTOMFeature());

        Submission.Attachment attachment = new Submission.Attachment();
        attachment.setContentId(given[6]);
        attachment.setContent(new DataHandler(new FileDataSource(file.toFile())));
        Submission submission = new Submission();
        submission.setOctets(new DataHandler(new FileDataSource(letter.toFile())));
        submission.setMediaType("application/xml");
        submission.getAttachment().add(attachment);
        SubmitEnvelopeResponse answer = hub.submitEnvelope(submission);
        Files.write(Path.of(given[5]), octets(answer.getReceipt()));

        String delivery = arrived(hub, given[4], answer.getReference());
        ByDelivery which = new ByDelivery();
        which.setDelivery(delivery);
        GetContentResponse content = hub.getContent(which);
        GetAttachment wanted = new GetAttachment();
        wanted.setDelivery(delivery);
        wanted.setAttachment(content.getAttachment().get(0).getId());
        boolean same = Arrays.equals(octets(content.getOctets()), Files.readAllBytes(letter))
                && Arrays.equals(octets(hub.getAttachment(wanted).getOctets()), Files.readAllBytes(file));
        Acknowledge taking = new Acknowledge();
        taking.setDelivery(delivery);
        taking.setRegisterNumber("JAXWS-1");
        System.out.println(answer.getStatus() + " " + delivery + " " + hub.acknowledge(taking).getState());
        System.exit(same ? 0 : 3);
    }

    private static String arrived(Hub hub, String office, String reference) throws Exception {
        ListInbox question = new ListInbox();
        question.setOffice(office);
        for (int tries = 0; tries < 300; tries++) {
            for (Entry one : hub.listInbox(question).getLetter()) {
                if (one.getReference().equals(reference)) {
                    return one.getDelivery();
                }
            }
            Thread.sleep(100);
        }
        throw new IllegalStateException("the letter did not arrive");
    }

    private static byte[] octets(DataHandler content) throws Exception {
        ByteArrayOutputStream octets = new ByteArrayOutputStream();
        content.writeTo(octets);
        return octets.toByteArray();
    }

    /** TLS that believes one authority and shows the certificate of a file with its key. */
    private static SSLContext mutual(String authority, Path client) throws Exception {
        CertificateFactory certificates = CertificateFactory.getInstance("X.509");
        String[] pem = Files.readString(client).split("(?=-----BEGIN)");
        KeyStore store = KeyStore.getInstance("PKCS12");
        store.load(null, null);
        try (FileInputStream stream = new FileInputStream(authority)) {
            store.setCertificateEntry("authority", certificates.generateCertificate(stream));
        }
        PrivateKey key = null;
        Certificate certificate = null;
        for (String one : pem) {
            byte[] der = Base64.getDecoder().decode(one.replaceAll("-----[^-]+-----|\\s", ""));
            if (one.contains("PRIVATE KEY")) {
                key = KeyFactory.getInstance("EC").generatePrivate(new PKCS8EncodedKeySpec(der));
            } else if (certificate == null && one.contains("CERTIFICATE")) {
                certificate = certificates.generateCertificate(new ByteArrayInputStream(der));
            }
        }
        store.setKeyEntry("client", key, new char[0], new Certificate[] {certificate});
        TrustManagerFactory trust = TrustManagerFactory.getInstance(TrustManagerFactory.getDefaultAlgorithm());
        trust.init(store);
        KeyManagerFactory keys = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
        keys.init(store, new char[0]);
        SSLContext context = SSLContext.getInstance("TLS");
        context.init(keys.getKeyManagers(), trust.getTrustManagers(), null);
        return context;
    }
}
