import java.io.File;
import java.io.FileInputStream;
import java.security.KeyFactory;
import java.security.MessageDigest;
import java.security.PrivateKey;
import java.security.cert.CertificateFactory;
import java.security.cert.X509Certificate;
import java.security.spec.PKCS8EncodedKeySpec;
import java.nio.file.Files;
import java.util.Base64;
import java.util.List;
import javax.xml.crypto.dom.DOMStructure;
import javax.xml.crypto.dsig.*;
import javax.xml.crypto.dsig.dom.DOMSignContext;
import javax.xml.crypto.dsig.keyinfo.KeyInfo;
import javax.xml.crypto.dsig.keyinfo.KeyInfoFactory;
import javax.xml.crypto.dsig.spec.C14NMethodParameterSpec;
import javax.xml.crypto.dsig.spec.TransformParameterSpec;
import javax.xml.parsers.DocumentBuilderFactory;
import javax.xml.transform.TransformerFactory;
import javax.xml.transform.dom.DOMSource;
import javax.xml.transform.stream.StreamResult;
import org.w3c.dom.Document;
import org.w3c.dom.Element;

/** Signs with what the JDK brings along: XAdES made by hand as old party code does, two references. */
public class JdkSigner {
    static final String XADES = "http://uri.etsi.org/01903/v1.3.2#";
    static final String SHA256 = DigestMethod.SHA256;

    /** Arguments: document, PKCS 8 key (RSA, DER), certificate (DER), output, xades or basic. */
    public static void main(String[] args) throws Exception {
        DocumentBuilderFactory builders = DocumentBuilderFactory.newInstance();
        builders.setNamespaceAware(true);
        Document document = builders.newDocumentBuilder().parse(new File(args[0]));
        PrivateKey key = KeyFactory.getInstance("RSA")
            .generatePrivate(new PKCS8EncodedKeySpec(Files.readAllBytes(new File(args[1]).toPath())));
        X509Certificate certificate = (X509Certificate) CertificateFactory.getInstance("X.509")
            .generateCertificate(new FileInputStream(args[2]));
        sign(document, key, certificate, args[4].equals("xades"));
        TransformerFactory.newInstance().newTransformer()
            .transform(new DOMSource(document), new StreamResult(new File(args[3])));
    }

    static void sign(Document document, PrivateKey key, X509Certificate certificate, boolean xades)
            throws Exception {
        XMLSignatureFactory factory = XMLSignatureFactory.getInstance("DOM");
        DigestMethod digest = factory.newDigestMethod(SHA256, null);
        Transform enveloped = factory.newTransform(Transform.ENVELOPED, (TransformParameterSpec) null);
        Reference whole = factory.newReference("", digest, List.of(enveloped), null, null);
        List<Reference> references = List.of(whole);
        List<XMLObject> objects = null;
        DOMSignContext context = new DOMSignContext(key, document.getDocumentElement());
        if (xades) {
            Element properties = properties(document, certificate);
            context.setIdAttributeNS((Element) properties.getFirstChild(), null, "Id");
            objects = List.of(factory.newXMLObject(List.of(new DOMStructure(properties)), null, null, null));
            references = List.of(whole, factory.newReference("#props", digest, null,
                "http://uri.etsi.org/01903#SignedProperties", null));
        }
        SignedInfo info = factory.newSignedInfo(
            factory.newCanonicalizationMethod(CanonicalizationMethod.INCLUSIVE,
                (C14NMethodParameterSpec) null),
            factory.newSignatureMethod("http://www.w3.org/2001/04/xmldsig-more#rsa-sha256", null),
            references);
        KeyInfoFactory keys = factory.getKeyInfoFactory();
        KeyInfo keyInfo = keys.newKeyInfo(List.of(
            keys.newKeyValue(certificate.getPublicKey()), keys.newX509Data(List.of(certificate))));
        factory.newXMLSignature(info, keyInfo, objects, "sig", null).sign(context);
    }

    static Element properties(Document document, X509Certificate certificate) throws Exception {
        Element qualifying = document.createElementNS(XADES, "xades:QualifyingProperties");
        qualifying.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns:xades", XADES);
        qualifying.setAttribute("Target", "#sig");
        Element signed = add(qualifying, XADES, "xades:SignedProperties");
        signed.setAttribute("Id", "props");
        Element own = add(signed, XADES, "xades:SignedSignatureProperties");
        add(own, XADES, "xades:SigningTime").setTextContent("2026-01-02T04:04:05.123456789+01:00");
        Element cert = add(add(own, XADES, "xades:SigningCertificateV2"), XADES, "xades:Cert");
        Element digest = add(cert, XADES, "xades:CertDigest");
        add(digest, XMLSignature.XMLNS, "DigestMethod").setAttribute("Algorithm", SHA256);
        byte[] hash = MessageDigest.getInstance("SHA-256").digest(certificate.getEncoded());
        add(digest, XMLSignature.XMLNS, "DigestValue").setTextContent(Base64.getEncoder().encodeToString(hash));
        return qualifying;
    }

    static Element add(Element parent, String namespace, String name) {
        Element child = parent.getOwnerDocument().createElementNS(namespace, name);
        if (namespace.equals(XMLSignature.XMLNS)) {
            child.setAttributeNS("http://www.w3.org/2000/xmlns/", "xmlns", namespace);
        }
        parent.appendChild(child);
        return child;
    }
}
