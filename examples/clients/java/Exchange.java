import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.FileInputStream;
import java.io.IOException;
import java.net.URI;
import java.net.URLEncoder;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpRequest.BodyPublishers;
import java.net.http.HttpResponse;
import java.net.http.HttpResponse.BodyHandlers;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.Key;
import java.security.KeyFactory;
import java.security.PrivateKey;
import java.security.Signature;
import java.security.cert.CertPathValidator;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.time.Duration;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.UUID;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import javax.xml.crypto.AlgorithmMethod;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.KeySelectorException;
import javax.xml.crypto.KeySelectorResult;
import javax.xml.crypto.XMLCryptoContext;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.keyinfo.X509Data;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/**
 * A whole exchange with the JDK (11 or later) alone: submit, verify the receipt, fetch the inbox, acknowledge.
 *
 * <pre>java Exchange.java party.toml</pre>
 *
 * party.toml is what <code>wasl party test</code> makes, with an RSA key. Ends with 0 when all of it was done,
 * with 1 when the hub said no or the receipt is not under a seal of the trust folder, revocation included.
 */
public final class Exchange {
    private static final String DS = "http://www.w3.org/2000/09/xmldsig#";
    private static final String XADES = "http://uri.etsi.org/01903/v1.3.2#";
    private static final String ENVELOPE = "urn:wasl:envelope:1.0";
    private static final String RECEIPT = "urn:wasl:receipt:1.0";

    private final HttpClient http = HttpClient.newBuilder().connectTimeout(Duration.ofSeconds(20)).build();
    private final Map<String, String> of = new HashMap<>();
    private final Path folder;
    private final PrivateKey key;
    private final X509Certificate certificate;

    private Exchange(Path settings) throws Exception {
        folder = settings.toAbsolutePath().getParent();
        Matcher line = Pattern.compile("(?m)^(\\w+) = \"(.*)\"$").matcher(Files.readString(settings));
        while (line.find()) {
            of.put(line.group(1), line.group(2));
        }
        String pem = Files.readString(folder.resolve(of.get("key"))).replaceAll("-----[^-]+-----|\\s", "");
        PKCS8EncodedKeySpec spec = new PKCS8EncodedKeySpec(Base64.getDecoder().decode(pem));
        key = KeyFactory.getInstance("RSA").generatePrivate(spec);
        certificate = certificates(folder.resolve(of.get("certificate"))).get(0);
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 1) {
            System.err.println("usage: java Exchange.java party.toml");
            System.exit(2);
        }
        try {
            System.exit(new Exchange(Path.of(arguments[0])).run() ? 0 : 1);
        } catch (IllegalStateException no) {
            System.err.println(no.getMessage());
            System.exit(1);
        }
    }

    private boolean run() throws Exception {
        String id = UUID.randomUUID().toString();
        byte[] letter = sign(letter(id));
        byte[] sealed = submit(letter);
        Document receipt = verified(sealed);
        require("acceptance".equals(text(receipt, RECEIPT, "Kind")), "not an acceptance");
        require(id.equals(text(receipt, RECEIPT, "MessageId")), "a receipt of another letter");
        String reference = text(receipt, RECEIPT, "Reference");
        Files.write(Path.of("receipt-" + reference + ".xml"), sealed);
        System.out.println("accepted " + reference + ", receipt verified");

        String bearer = "Bearer " + token("inbox");
        String delivery = arrived(bearer, reference);
        String inbox = of.get("hub") + "/api/v1/inbox/" + delivery;
        byte[] content = good(send(HttpRequest.newBuilder(URI.create(inbox + "/content")).header("Authorization", bearer)));
        Files.write(Path.of("letter-" + reference + ".xml"), content);
        System.out.println("fetched " + reference + ": " + text(parse(content), ENVELOPE, "Subject"));
        HttpRequest.Builder taking = HttpRequest.newBuilder(URI.create(inbox + "/acknowledge"))
                .header("Authorization", bearer)
                .header("Content-Type", "application/json")
                .POST(BodyPublishers.ofString("{\"registerNumber\": \"java/1\"}"));
        String state = member(good(send(taking)), "state");
        System.out.println("acknowledged " + reference + ": " + state);
        return "HANDED_OVER".equals(state);
    }

    private Document letter(String id) throws Exception {
        Document document = builder().newDocumentBuilder().newDocument();
        Element root = document.createElementNS(ENVELOPE, "Envelope");
        // canonical forms see the declaration only where it stands as an attribute
        root.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns", ENVELOPE);
        document.appendChild(root);
        add(root, "Version", "1.0");
        add(root, "Hub", of.get("hub_code"));
        add(root, "MessageId", id);
        add(root, "Purpose", "letter");
        add(root, "CreatedAt", Instant.now().truncatedTo(ChronoUnit.SECONDS).toString());
        add(add(root, "Sender", null), "Party", of.get("party"));
        add(add(add(root, "Recipients", null), "Recipient", null), "Office", of.get("office"));
        add(root, "Subject", "Letter by Java");
        add(root, "Language", "en");
        add(root, "Test", "true");
        add(root, "Body", "Signed with javax.xml.crypto.");
        return document;
    }

    private static Element add(Element parent, String name, String text) {
        Element child = parent.getOwnerDocument().createElementNS(ENVELOPE, name);
        child.setTextContent(text);
        parent.appendChild(child);
        return child;
    }

    /** One reference to the whole document and the certificate: the plain XML signature of docs/envelope.md. */
    private byte[] sign(Document letter) throws Exception {
        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        List<Transform> transforms = List.of(
                factory.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null),
                factory.newTransform(CanonicalizationMethod.EXCLUSIVE, (TransformParameterSpec) null));
        var digest = factory.newDigestMethod(DigestMethod.SHA256, null);
        var info = factory.newSignedInfo(
                factory.newCanonicalizationMethod(CanonicalizationMethod.EXCLUSIVE, (C14NMethodParameterSpec) null),
                factory.newSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", null),
                List.of(factory.newReference("", digest, transforms, null, null)));
        KeyInfoFactory keys = factory.getKeyInfoFactory();
        KeyInfo keyInfo = keys.newKeyInfo(List.of(keys.newX509Data(List.of(certificate))));
        factory.newXMLSignature(info, keyInfo).sign(new DOMSignContext(key, letter.getDocumentElement()));
        ByteArrayOutputStream octets = new ByteArrayOutputStream();
        TransformerFactory.newInstance().newTransformer().transform(new DOMSource(letter), new StreamResult(octets));
        return octets.toByteArray();
    }

    /** Send the same octets until the hub has answered: a repeat never makes a second letter. */
    private byte[] submit(byte[] letter) throws Exception {
        for (int wait = 1; ; wait *= 2) {
            long asked = 0;
            try {
                HttpResponse<byte[]> answer = send(HttpRequest.newBuilder(URI.create(of.get("hub") + "/api/v1/envelopes"))
                        .header("Content-Type", "application/xml")
                        .POST(BodyPublishers.ofByteArray(letter)));
                if (answer.statusCode() < 500 && answer.statusCode() != 429) {
                    return good(answer);
                }
                asked = answer.headers().firstValueAsLong("Retry-After").orElse(0);
            } catch (IOException none) {
                System.err.println("no answer: " + none);
            }
            require(wait <= 16, "no answer; the same octets may be sent again later");
            Thread.sleep(Math.max(wait, asked) * 1000L);
        }
    }

    /** The receipt, if one signature covers all of it and leads to the trust folder's seal/ (seal/test/ for tests). */
    private Document verified(byte[] sealed) throws Exception {
        Document document = parse(sealed);
        Element root = document.getDocumentElement();
        require(RECEIPT.equals(root.getNamespaceURI()) && "Receipt".equals(root.getLocalName()), "not a receipt");
        NodeList found = document.getElementsByTagNameNS(DS, "Signature");
        require(found.getLength() == 1 && found.item(0).getParentNode() == root, "not one signature in the root");
        Carried carried = new Carried();
        DOMValidateContext context = new DOMValidateContext(carried, found.item(0));
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
        NodeList properties = document.getElementsByTagNameNS(XADES, "SignedProperties");
        for (int index = 0; index < properties.getLength(); index++) {
            context.setIdAttributeNS((Element) properties.item(index), null, "Id");
        }
        XMLSignature signature = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
        require("".equals(signature.getSignedInfo().getReferences().get(0).getURI()), "not the whole receipt is sealed");
        require(signature.validate(context), "the receipt was changed");
        checkChain(carried.certificates);
        return document;
    }

    private void checkChain(List<X509Certificate> carried) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        Set<TrustAnchor> anchors = new HashSet<>();
        List<Object> lists = new ArrayList<>();
        for (String place : List.of("seal", "seal/test")) {
            Path within = folder.resolve(of.get("trust")).resolve(place);
            try (var files = Files.newDirectoryStream(within, "*.{pem,crl}")) {
                for (Path file : files) {
                    if (file.toString().endsWith(".pem")) {
                        certificates(file).forEach(one -> anchors.add(new TrustAnchor(one, null)));
                    } else {
                        try (FileInputStream stream = new FileInputStream(file.toFile())) {
                            lists.addAll(factory.generateCRLs(stream));
                        }
                    }
                }
            } catch (IOException none) {
                continue; // a trust folder without tests
            }
        }
        require(!anchors.isEmpty(), "the trust folder has no seal");
        PKIXParameters parameters = new PKIXParameters(anchors);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
        try {
            CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(carried), parameters);
        } catch (java.security.cert.CertPathValidatorException no) {
            throw new IllegalStateException("the seal is not one of the trust folder: " + no.getMessage());
        }
    }

    /** A token, for a JWT signed with the same key (private_key_jwt, RFC 7523). */
    private String token(String scope) throws Exception {
        String address = of.get("hub") + "/oauth2/token", party = of.get("party");
        String claims = String.format(
                "{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"jti\":\"%s\",\"exp\":%d}",
                party, party, address, UUID.randomUUID(), Instant.now().getEpochSecond() + 120);
        String input = base64url("{\"alg\":\"RS256\",\"typ\":\"JWT\"}".getBytes(StandardCharsets.UTF_8))
                + "." + base64url(claims.getBytes(StandardCharsets.UTF_8));
        Signature signing = Signature.getInstance("SHA256withRSA");
        signing.initSign(key);
        signing.update(input.getBytes(StandardCharsets.US_ASCII));
        String form = "grant_type=client_credentials&scope=" + scope + "&client_assertion_type="
                + URLEncoder.encode("urn:ietf:params:oauth:client-assertion-type:jwt-bearer", StandardCharsets.UTF_8)
                + "&client_assertion=" + input + "." + base64url(signing.sign());
        return member(good(send(HttpRequest.newBuilder(URI.create(address))
                .header("Content-Type", "application/x-www-form-urlencoded")
                .POST(BodyPublishers.ofString(form)))), "access_token");
    }

    /** The letter's delivery, once the hub's worker has laid it ready in the inbox. */
    private String arrived(String bearer, String reference) throws Exception {
        URI inbox = URI.create(of.get("hub") + "/api/v1/inbox?limit=100&office=" + of.get("office"));
        for (int tries = 0; tries < 20; tries++) {
            byte[] listed = good(send(HttpRequest.newBuilder(inbox).header("Authorization", bearer)));
            for (String entry : new String(listed, StandardCharsets.UTF_8).split("\\{")) {
                if (entry.contains("\"reference\":\"" + reference + "\"")) {
                    return member(entry.getBytes(StandardCharsets.UTF_8), "delivery");
                }
            }
            Thread.sleep(1000);
        }
        throw new IllegalStateException("the letter did not arrive");
    }

    private HttpResponse<byte[]> send(HttpRequest.Builder request) throws Exception {
        return http.send(request.timeout(Duration.ofSeconds(120)).build(), BodyHandlers.ofByteArray());
    }

    private static byte[] good(HttpResponse<byte[]> answer) {
        String said = new String(answer.body(), StandardCharsets.UTF_8);
        require(answer.statusCode() / 100 == 2, answer.statusCode() + " " + said);
        return answer.body();
    }

    /** A member of flat JSON whose value is a text without escapes, as identifiers and states are. */
    private static String member(byte[] json, String name) {
        Matcher found = Pattern.compile("\"" + name + "\":\\s*\"([^\"\\\\]*)\"").matcher(new String(json, StandardCharsets.UTF_8));
        require(found.find(), "no " + name + " in the answer");
        return found.group(1);
    }

    private static String text(Document document, String namespace, String name) {
        NodeList found = document.getElementsByTagNameNS(namespace, name);
        require(found.getLength() > 0, "no " + name);
        return found.item(0).getTextContent();
    }

    private static List<X509Certificate> certificates(Path file) throws Exception {
        try (FileInputStream stream = new FileInputStream(file.toFile())) {
            List<X509Certificate> found = new ArrayList<>();
            CertificateFactory.getInstance("X.509").generateCertificates(stream).forEach(one -> found.add((X509Certificate) one));
            return found;
        }
    }

    private static DocumentBuilderFactory builder() throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return factory;
    }

    private static Document parse(byte[] octets) throws Exception {
        return builder().newDocumentBuilder().parse(new ByteArrayInputStream(octets));
    }

    private static String base64url(byte[] octets) {
        return Base64.getUrlEncoder().withoutPadding().encodeToString(octets);
    }

    private static void require(boolean kept, String rule) {
        if (!kept) {
            throw new IllegalStateException(rule);
        }
    }

    /** Takes the key of the first certificate that the signature carries, and remembers them all. */
    private static final class Carried extends KeySelector {
        private final List<X509Certificate> certificates = new ArrayList<>();

        @Override
        public KeySelectorResult select(KeyInfo info, Purpose purpose, AlgorithmMethod method, XMLCryptoContext context)
                throws KeySelectorException {
            for (Object part : info == null ? List.of() : info.getContent()) {
                if (part instanceof X509Data) {
                    for (Object one : ((X509Data) part).getContent()) {
                        if (one instanceof X509Certificate) {
                            certificates.add((X509Certificate) one);
                        }
                    }
                }
            }
            if (certificates.isEmpty()) {
                throw new KeySelectorException("no certificate");
            }
            Key carried = certificates.get(0).getPublicKey();
            return () -> carried;
        }
    }
}
