<?php
/**
 * Signs a letter the way xmlseclibs does, with the extensions dom and openssl alone.
 *
 *   php sign_letter.php KEY.pem CERTIFICATE.pem LETTER.xml SIGNED.xml [exclusive|inclusive]
 *
 * One reference to the whole document (URI=""), enveloped-signature and a canonicalisation,
 * RSA-SHA256, the certificate in X509Data: what the profile XML-basic asks for.
 */
declare(strict_types=1);

const DS = 'http://www.w3.org/2000/09/xmldsig#';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const INCLUSIVE = 'http://www.w3.org/TR/2001/REC-xml-c14n-20010315';

function add(DOMElement $parent, string $name, string $text = '', array $attributes = []): DOMElement
{
    $child = $parent->ownerDocument->createElementNS(DS, 'ds:' . $name);
    if ($text !== '') {
        $child->appendChild($parent->ownerDocument->createTextNode($text));
    }
    foreach ($attributes as $key => $value) {
        $child->setAttribute($key, $value);
    }
    $parent->appendChild($child);
    return $child;
}

if ($argc < 5) {
    fwrite(STDERR, "usage: php sign_letter.php KEY.pem CERTIFICATE.pem LETTER.xml SIGNED.xml [exclusive|inclusive]\n");
    exit(2);
}
[, $keyFile, $certificateFile, $letterFile, $signedFile] = $argv;
$exclusive = ($argv[5] ?? 'exclusive') === 'exclusive';
$form = $exclusive ? EXCLUSIVE : INCLUSIVE;

$letter = new DOMDocument();
$letter->preserveWhiteSpace = true;
if (!$letter->load($letterFile, LIBXML_NONET)) {
    exit(1);
}
// The digest is taken before the signature stands in the document: the enveloped transform removes it again.
$digest = base64_encode(hash('sha256', $letter->documentElement->C14N($exclusive, false), true));

$signature = $letter->createElementNS(DS, 'ds:Signature');
$letter->documentElement->appendChild($signature);
$info = add($signature, 'SignedInfo');
add($info, 'CanonicalizationMethod', '', ['Algorithm' => $form]);
add($info, 'SignatureMethod', '', ['Algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256']);
$reference = add($info, 'Reference', '', ['URI' => '']);
$transforms = add($reference, 'Transforms');
add($transforms, 'Transform', '', ['Algorithm' => DS . 'enveloped-signature']);
add($transforms, 'Transform', '', ['Algorithm' => $form]);
add($reference, 'DigestMethod', '', ['Algorithm' => 'http://www.w3.org/2001/04/xmlenc#sha256']);
add($reference, 'DigestValue', $digest);

$key = openssl_pkey_get_private((string) file_get_contents($keyFile));
if (!openssl_sign($info->C14N($exclusive, false), $value, $key, OPENSSL_ALGO_SHA256)) {
    exit(1);
}
add($signature, 'SignatureValue', base64_encode($value));
$pem = (string) file_get_contents($certificateFile);
preg_match('/-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----/s', $pem, $found);
$data = add(add($signature, 'KeyInfo'), 'X509Data');
add($data, 'X509Certificate', (string) preg_replace('/\s+/', '', $found[1]));

exit($letter->save($signedFile) === false ? 1 : 0);
