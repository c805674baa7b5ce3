import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.nio.charset.StandardCharsets;
import java.security.KeyStore;
import java.security.MessageDigest;
import java.security.cert.X509Certificate;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.ArrayList;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.XMLStructure;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.CanonicalizationMethod;
import javax.xml.crypto.dsig.DigestMethod;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.SignedInfo;
import javax.xml.crypto.dsig.Transform;
import javax.xml.crypto.dsig.XMLObject;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMSignContext;
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

/**
 * Signs a letter with the JDK alone, as XAdES B-B or as a plain XML signature.
 *
 * <pre>java SignLetter.java KEY.p12 PASSWORD LETTER.xml TIME VARIANT=SIGNED.xml ...</pre>
 *
 * TIME is the signing time in UTC, or "now". A VARIANT is words joined by dots: "xades" or "plain",
 * then any of "id" (the root is referenced by its Id), "inclusive" (C14N 1.0), "implied" (no
 * canonicalisation is named for the letter), "keyinfo" (KeyInfo is signed too), "pss", "prefix".
 */
public final class SignLetter {
    private static final String XADES = "http://uri.etsi.org/01903/v1.3.2#";
    private static final String SIGNED_PROPERTIES = "http://uri.etsi.org/01903#SignedProperties";
    private static final String DS = "http://www.w3.org/2000/09/xmldsig#";
    private static final String MORE = "http://www.w3.org/2001/04/xmldsig-more#";
    private static final String PSS = "http://www.w3.org/2007/05/xmldsig-more#sha256-rsa-MGF1";

    private final XMLSignatureFactory signatures = XMLSignatureFactory.getInstance("DOM");
    private final KeyStore.PrivateKeyEntry signer;
    private final Instant time;

    private SignLetter(KeyStore.PrivateKeyEntry signer, Instant time) {
        this.signer = signer;
        this.time = time;
    }

    public static void main(String[] arguments) throws Exception {
        if (arguments.length < 5) {
            System.err.println("usage: java SignLetter.java KEY.p12 PASSWORD LETTER.xml TIME VARIANT=SIGNED.xml ...");
            System.exit(2);
        }
        Instant time = arguments[3].equals("now") ? Instant.now() : Instant.parse(arguments[3]);
        SignLetter desk = new SignLetter(load(arguments[0], arguments[1]), time.truncatedTo(ChronoUnit.SECONDS));
        for (int index = 4; index < arguments.length; index++) {
            String[] order = arguments[index].split("=", 2);
            write(desk.sign(read(arguments[2]), List.of(order[0].split("\\."))), order[1]);
        }
    }

    private Document sign(Document letter, List<String> words) throws Exception {
        boolean xades = words.contains("xades");
        Element root = letter.getDocumentElement();
        DOMSignContext context = new DOMSignContext(signer.getPrivateKey(), root);
        if (words.contains("prefix")) {
            context.setDefaultNamespacePrefix("ds");
        }
        if (root.hasAttribute("Id")) {
            context.setIdAttributeNS(root, null, "Id");
        }
        String form = words.contains("inclusive") ? CanonicalizationMethod.INCLUSIVE : CanonicalizationMethod.EXCLUSIVE;
        List<Reference> references = new ArrayList<>();
        references.add(wholeLetter(root, words, form));
        List<XMLObject> objects = new ArrayList<>();
        if (xades) {
            Element properties = properties(letter);
            context.setIdAttributeNS((Element) properties.getFirstChild(), null, "Id");
            XMLStructure content = new DOMStructure(properties);
            objects.add(signatures.newXMLObject(List.of(content), null, null, null));
            references.add(reference("#properties", List.of(transform(form)), SIGNED_PROPERTIES));
        }
        if (words.contains("keyinfo")) {
            references.add(reference("#key", List.of(transform(form)), null));
        }
        SignedInfo info = signatures.newSignedInfo(
            signatures.newCanonicalizationMethod(form, (C14NMethodParameterSpec) null),
            signatures.newSignatureMethod(method(words), null),
            references);
        signatures.newXMLSignature(info, keyInfo(words), objects, "signature", null).sign(context);
        return letter;
    }

    private Reference wholeLetter(Element root, List<String> words, String form) throws Exception {
        List<Transform> steps = new ArrayList<>();
        steps.add(transform(Transform.ENVELOPED));
        if (!words.contains("implied")) {
            steps.add(transform(form));
        }
        return reference(words.contains("id") ? "#" + root.getAttribute("Id") : "", steps, null);
    }

    private Reference reference(String uri, List<Transform> steps, String type) throws Exception {
        DigestMethod digest = signatures.newDigestMethod(DigestMethod.SHA256, null);
        return signatures.newReference(uri, digest, steps, type, null);
    }

    private Transform transform(String algorithm) throws Exception {
        return signatures.newTransform(algorithm, (TransformParameterSpec) null);
    }

    private String method(List<String> words) {
        String key = signer.getPrivateKey().getAlgorithm();
        return words.contains("pss") ? PSS : MORE + (key.equals("EC") ? "ecdsa-sha256" : "rsa-sha256");
    }

    private KeyInfo keyInfo(List<String> words) {
        KeyInfoFactory factory = signatures.getKeyInfoFactory();
        X509Data data = factory.newX509Data(List.of(signer.getCertificate()));
        return factory.newKeyInfo(List.of(data), words.contains("keyinfo") ? "key" : null);
    }

    /** ETSI EN 319 132-1: QualifyingProperties with the signing time and the signing certificate. */
    private Element properties(Document letter) throws Exception {
        Element qualifying = element(letter, XADES, "xades:QualifyingProperties");
        qualifying.setAttribute("Target", "#signature");
        Element signed = append(qualifying, XADES, "xades:SignedProperties");
        signed.setAttribute("Id", "properties");
        Element said = append(signed, XADES, "xades:SignedSignatureProperties");
        append(said, XADES, "xades:SigningTime").setTextContent(time.toString());
        Element listed = append(append(said, XADES, "xades:SigningCertificateV2"), XADES, "xades:Cert");
        Element digest = append(listed, XADES, "xades:CertDigest");
        append(digest, DS, "ds:DigestMethod").setAttribute("Algorithm", DigestMethod.SHA256);
        byte[] der = ((X509Certificate) signer.getCertificate()).getEncoded();
        byte[] value = MessageDigest.getInstance("SHA-256").digest(der);
        append(digest, DS, "ds:DigestValue").setTextContent(Base64.getEncoder().encodeToString(value));
        return qualifying;
    }

    private static Element append(Element parent, String namespace, String name) {
        return (Element) parent.appendChild(element(parent.getOwnerDocument(), namespace, name));
    }

    /** An element that declares its own prefix: canonicalisation looks at declarations, not at names. */
    private static Element element(Document letter, String namespace, String name) {
        Element made = letter.createElementNS(namespace, name);
        String prefix = name.substring(0, name.indexOf(':'));
        made.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns:" + prefix, namespace);
        return made;
    }

    private static KeyStore.PrivateKeyEntry load(String path, String password) throws Exception {
        KeyStore store = KeyStore.getInstance("PKCS12");
        try (FileInputStream file = new FileInputStream(path)) {
            store.load(file, password.toCharArray());
        }
        KeyStore.ProtectionParameter secret = new KeyStore.PasswordProtection(password.toCharArray());
        return (KeyStore.PrivateKeyEntry) store.getEntry(store.aliases().nextElement(), secret);
    }

    private static Document read(String path) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        return factory.newDocumentBuilder().parse(new File(path));
    }

    private static void write(Document letter, String path) throws Exception {
        try (FileOutputStream file = new FileOutputStream(path)) {
            file.write("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n".getBytes(StandardCharsets.UTF_8));
            var transformer = TransformerFactory.newInstance().newTransformer();
            transformer.setOutputProperty("omit-xml-declaration", "yes");
            transformer.transform(new DOMSource(letter), new StreamResult(file));
        }
    }
}
