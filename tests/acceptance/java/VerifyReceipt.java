import java.io.File;
import java.io.FileInputStream;
import java.security.Key;
import java.security.cert.CertPathValidator;
import java.security.cert.CertStore;
import java.security.cert.CertificateFactory;
import java.security.cert.CollectionCertStoreParameters;
import java.security.cert.PKIXParameters;
import java.security.cert.TrustAnchor;
import java.security.cert.X509Certificate;
import java.util.ArrayList;
import java.util.Date;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import javax.xml.crypto.AlgorithmMethod;
import javax.xml.crypto.KeySelector;
import javax.xml.crypto.KeySelectorException;
import javax.xml.crypto.KeySelectorResult;
import javax.xml.crypto.XMLCryptoContext;
import javax.xml.crypto.dsig.Reference;
import javax.xml.crypto.dsig.XMLSignature;
import javax.xml.crypto.dsig.XMLSignatureFactory;
import javax.xml.crypto.dsig.dom.DOMValidateContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.X509Data;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Document;
import org.w3c.dom.Element;
import org.w3c.dom.Node;
import org.w3c.dom.NodeList;

/**
 * Verifies the seal of an XML receipt with the JDK alone.
 *
 * <pre>java VerifyReceipt.java RECEIPT.xml TRUST/seal TIME</pre>
 *
 * TRUST/seal holds the anchors (*.pem) and their revocation lists (*.crl); TIME is the moment to judge
 * at, in milliseconds since 1970. Prints one line; exit 0: sealed by the hub, 1: not.
 */
public final class VerifyReceipt {
    private static final String DS = "http://www.w3.org/2000/09/xmldsig#";
    private static final String XADES = "http://uri.etsi.org/01903/v1.3.2#";
    private static final String RECEIPT = "urn:wasl:receipt:1.0";

    public static void main(String[] arguments) throws Exception {
        if (arguments.length != 3) {
            System.err.println("usage: java VerifyReceipt.java RECEIPT.xml TRUST/seal TIME");
            System.exit(2);
        }
        try {
            X509Certificate seal = verify(new File(arguments[0]), new File(arguments[1]), new Date(Long.parseLong(arguments[2])));
            System.out.println("sealed by " + seal.getSubjectX500Principal());
        } catch (Exception fault) {
            System.out.println("not a receipt of the hub: " + fault);
            System.exit(1);
        }
    }

    private static X509Certificate verify(File receipt, File anchors, Date at) throws Exception {
        DocumentBuilderFactory factory = DocumentBuilderFactory.newInstance();
        factory.setNamespaceAware(true);
        factory.setFeature("http://apache.org/xml/features/disallow-doctype-decl", true);
        Document document = factory.newDocumentBuilder().parse(receipt);
        Element root = document.getDocumentElement();
        require(RECEIPT.equals(root.getNamespaceURI()) && "Receipt".equals(root.getLocalName()), "root");
        NodeList found = document.getElementsByTagNameNS(DS, "Signature");
        require(found.getLength() == 1 && lastElement(root) == found.item(0), "one signature, last in the root");
        Carried carried = new Carried();
        DOMValidateContext context = new DOMValidateContext(carried, found.item(0));
        context.setProperty("org.jcp.xml.dsig.secureValidation", Boolean.TRUE);
        NodeList properties = document.getElementsByTagNameNS(XADES, "SignedProperties");
        for (int index = 0; index < properties.getLength(); index++) {
            context.setIdAttributeNS((Element) properties.item(index), null, "Id");
        }
        XMLSignature signature = XMLSignatureFactory.getInstance("DOM").unmarshalXMLSignature(context);
        Reference first = signature.getSignedInfo().getReferences().get(0);
        require("".equals(first.getURI()), "the first reference is the whole receipt");
        require(signature.validate(context), "signature");
        checkChain(carried.certificates, anchors, at);
        return carried.certificates.get(0);
    }

    private static void checkChain(List<X509Certificate> carried, File folder, Date at) throws Exception {
        CertificateFactory factory = CertificateFactory.getInstance("X.509");
        Set<TrustAnchor> anchors = new HashSet<>();
        List<Object> lists = new ArrayList<>();
        for (File file : folder.listFiles(File::isFile)) {
            try (FileInputStream stream = new FileInputStream(file)) {
                if (file.getName().endsWith(".pem")) {
                    anchors.add(new TrustAnchor((X509Certificate) factory.generateCertificate(stream), null));
                } else if (file.getName().endsWith(".crl")) {
                    lists.addAll(factory.generateCRLs(stream));
                }
            }
        }
        PKIXParameters parameters = new PKIXParameters(anchors);
        parameters.addCertStore(CertStore.getInstance("Collection", new CollectionCertStoreParameters(lists)));
        parameters.setDate(at);
        CertPathValidator.getInstance("PKIX").validate(factory.generateCertPath(carried), parameters);
        boolean[] usage = carried.get(0).getKeyUsage();
        require(usage != null && (usage[0] || usage[1]), "key usage");
    }

    private static Node lastElement(Element root) {
        Node node = root.getLastChild();
        while (node != null && node.getNodeType() != Node.ELEMENT_NODE) {
            node = node.getPreviousSibling();
        }
        return node;
    }

    private static void require(boolean kept, String rule) {
        if (!kept) {
            throw new IllegalArgumentException(rule);
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
            Key key = certificates.get(0).getPublicKey();
            return () -> key;
        }
    }
}
