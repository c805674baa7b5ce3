<?php
/**
 * A small order office behind PHP's SoapServer, as a foreign target: it registers what it is handed, once by its
 * identifier, and can be asked for it.
 *
 *   BUREAU_DATA=FOLDER BUREAU_PASSWORD=… BUREAU_CERTIFICATE=SHA256 php -S 127.0.0.1:PORT bureau.php
 *
 * Who calls is judged here by DOM and OpenSSL alone: a UsernameToken (text or digest), or an X.509 signature over
 * Timestamp and Body by the certificate with that digest. Parts (MTOM) are put back before anything is judged.
 *
 * With BUREAU_IDENTITY, a file with an RSA key and its certificate in PEM, every reply is signed in the same way.
 */
declare(strict_types=1);

const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const XOP = 'http://www.w3.org/2004/08/xop/include';
const TOKEN = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0#X509v3';
const EXCLUSIVE = 'http://www.w3.org/2001/10/xml-exc-c14n#';
const DAYS = 300;

final class Untrusted extends Exception {}

/** The parts of a multipart/related body: the root, and the others by Content-ID. */
function parts(string $body, string $media): array
{
    if (!preg_match('/boundary="([^"]+)"/', $media, $found)) {
        throw new Untrusted('no boundary');
    }
    $pieces = explode("\r\n--$found[1]", "\r\n" . $body);
    if (array_shift($pieces) !== '' || array_pop($pieces) !== "--\r\n") {
        throw new Untrusted('not closed');
    }
    $root = null;
    $parts = [];
    foreach ($pieces as $piece) {
        [$head, $content] = explode("\r\n\r\n", $piece, 2);
        preg_match('/^Content-ID: <([^>]+)>$/mi', str_replace("\r", '', $head), $name);
        if ($root === null) {
            if (!str_contains($media, "start=\"<$name[1]>\"")) {
                throw new Untrusted('another start');
            }
            $root = $content;
        } else {
            $parts[$name[1]] = $content;
        }
    }
    return [$root, $parts];
}

/** The message as it is meant: each xop:Include replaced by its part in base64. */
function message(string $body, string $media): DOMDocument
{
    [$xml, $parts] = str_starts_with($media, 'multipart/related') ? parts($body, $media) : [$body, []];
    $document = new DOMDocument();
    if (!$document->loadXML($xml, LIBXML_NONET | LIBXML_PARSEHUGE) || $document->doctype !== null) {
        throw new Untrusted('no message');
    }
    foreach (iterator_to_array($document->getElementsByTagNameNS(XOP, 'Include')) as $include) {
        $name = substr($include->getAttribute('href'), 4);
        $text = $document->createTextNode(base64_encode($parts[$name] ?? throw new Untrusted("no part $name")));
        $include->parentNode->replaceChild($text, $include);
        unset($parts[$name]);
    }
    if ($parts) {
        throw new Untrusted('a part that nothing names');
    }
    return $document;
}

function only(DOMXPath $path, string $query): DOMElement
{
    $found = $path->query($query);
    return $found->length === 1 ? $found[0] : throw new Untrusted("$query: {$found->length}");
}

function fresh(string $moment): void
{
    if (abs(time() - strtotime($moment)) > DAYS) {
        throw new Untrusted('another time');
    }
}

/** Checks the password of a UsernameToken. */
function judge_password(DOMXPath $path): void
{
    $password = only($path, '//wsse:UsernameToken/wsse:Password');
    $right = getenv('BUREAU_PASSWORD');
    if (str_ends_with($password->getAttribute('Type'), '#PasswordDigest')) {
        $created = only($path, '//wsse:UsernameToken/wsu:Created')->textContent;
        fresh($created);
        $nonce = base64_decode(only($path, '//wsse:UsernameToken/wsse:Nonce')->textContent, true);
        $right = base64_encode(sha1($nonce . $created . $right, true));
    }
    if (only($path, '//wsse:UsernameToken/wsse:Username')->textContent !== 'wasl') {
        throw new Untrusted('another user');
    }
    hash_equals($right, $password->textContent) || throw new Untrusted('another password');
}

/** Checks an X.509 signature over Timestamp and Body. */
function judge_signature(DOMXPath $path): void
{
    $der = base64_decode(only($path, '//wsse:Security/wsse:BinarySecurityToken')->textContent, true);
    if (!hash_equals((string) getenv('BUREAU_CERTIFICATE'), hash('sha256', $der))) {
        throw new Untrusted('another certificate');
    }
    $covered = [];
    foreach ($path->query('//ds:SignedInfo/ds:Reference') as $reference) {
        $id = substr($reference->getAttribute('URI'), 1);
        $target = only($path, "//*[@wsu:Id='$id']");
        $digest = base64_encode(hash('sha256', $target->C14N(true, false), true));
        if ($digest !== $path->query('ds:DigestValue', $reference)[0]->textContent) {
            throw new Untrusted("changed: {$target->localName}");
        }
        $covered[] = $target->localName;
    }
    if (array_diff(['Timestamp', 'Body'], $covered)) {
        throw new Untrusted('not covered');
    }
    fresh(only($path, '//wsu:Timestamp/wsu:Created')->textContent);
    $pem = "-----BEGIN CERTIFICATE-----\n" . chunk_split(base64_encode($der), 64) . "-----END CERTIFICATE-----\n";
    $value = base64_decode(only($path, '//ds:Signature/ds:SignatureValue')->textContent, true);
    $key = openssl_pkey_get_public($pem);
    if (openssl_pkey_get_details($key)['type'] === OPENSSL_KEYTYPE_EC) {
        $value = in_der($value);
    }
    $info = only($path, '//ds:SignedInfo')->C14N(true, false);
    if (openssl_verify($info, $value, $key, OPENSSL_ALGO_SHA256) !== 1) {
        throw new Untrusted('another signature');
    }
}

/** Two numbers one after the other as the DER sequence that OpenSSL wants. */
function in_der(string $value): string
{
    $numbers = '';
    foreach (str_split($value, intdiv(strlen($value), 2)) as $number) {
        $number = ltrim($number, "\0");
        $number = $number === '' || ord($number[0]) > 127 ? "\0$number" : $number;
        $numbers .= "\x02" . chr(strlen($number)) . $number;
    }
    return "\x30" . chr(strlen($numbers)) . $numbers;
}

function judge(DOMDocument $message): void
{
    $path = new DOMXPath($message);
    foreach (['wsse' => WSSE, 'wsu' => WSU, 'ds' => DS] as $prefix => $space) {
        $path->registerNamespace($prefix, $space);
    }
    if ($path->query('//wsse:UsernameToken')->length) {
        judge_password($path);
    } else {
        judge_signature($path);
    }
}

final class Bureau
{
    public function Deposer(object $request): array
    {
        return $this->within(function (array &$register) use ($request): array {
            if (isset($register[$request->identifiant])) {
                throw new SoapFault('Client', 'DEJA_DEPOSE');
            }
            $digests = [];
            foreach ($request->piece ?? [] as $piece) {
                $digests[] = hash('sha256', $piece->contenu);
            }
            $number = sprintf('PHP-%04d', count($register) + 1);
            $register[$request->identifiant] = [
                'numero' => $number,
                'objet' => $request->objet,
                'expediteur' => $request->expediteur,
                'pieces' => array_map(fn ($piece) => [$piece->nom, $piece->type], $request->piece ?? []),
                'empreintes' => $digests,
            ];
            return ['numero' => $number, 'date' => date('Y-m-d'), 'empreinte' => $digests];
        });
    }

    public function Chercher(object $request): array
    {
        return $this->within(function (array &$register) use ($request): array {
            $found = $register[$request->identifiant] ?? null;
            return $found === null
                ? ['trouve' => false]
                : ['trouve' => true, 'numero' => $found['numero'], 'objet' => $found['objet']];
        });
    }

    private function within(callable $work): array
    {
        $file = fopen(getenv('BUREAU_DATA') . '/registre.json', 'c+');
        flock($file, LOCK_EX);
        $register = json_decode(stream_get_contents($file) ?: '[]', true);
        $answer = $work($register);
        rewind($file);
        ftruncate($file, 0);
        fwrite($file, json_encode($register, JSON_UNESCAPED_UNICODE));
        fclose($file);
        return $answer;
    }
}

/** A reply with a signature over Timestamp and Body. */
function signed(string $reply, string $identity): string
{
    preg_match('/-----BEGIN CERTIFICATE-----(.+?)-----END CERTIFICATE-----/s', $identity, $found);
    $document = new DOMDocument();
    $document->loadXML($reply, LIBXML_NONET);
    $envelope = $document->documentElement;
    $body = $envelope->getElementsByTagNameNS($envelope->namespaceURI, 'Body')[0];
    $body->setAttributeNS(WSU, 'wsu:Id', 'corps');
    $header = $document->createElementNS($envelope->namespaceURI, $envelope->prefix . ':Header');
    $envelope->insertBefore($header, $body);
    $token = ['ValueType' => TOKEN, 'EncodingType' => str_replace('x509-token-profile-1.0#X509v3', 'soap-message-security-1.0#Base64Binary', TOKEN)];
    $security = add($header, WSSE, 'wsse:Security');
    add($security, WSSE, 'wsse:BinarySecurityToken', preg_replace('/\s+/', '', $found[1]), $token)
        ->setAttributeNS(WSU, 'wsu:Id', 'jeton');
    $stamp = add($security, WSU, 'wsu:Timestamp');
    $stamp->setAttributeNS(WSU, 'wsu:Id', 'moment');
    add($stamp, WSU, 'wsu:Created', gmdate('Y-m-d\TH:i:s\Z'));
    add($stamp, WSU, 'wsu:Expires', gmdate('Y-m-d\TH:i:s\Z', time() + DAYS));
    $signature = add($security, DS, 'ds:Signature');
    $info = add($signature, DS, 'ds:SignedInfo');
    add($info, DS, 'ds:CanonicalizationMethod', '', ['Algorithm' => EXCLUSIVE]);
    add($info, DS, 'ds:SignatureMethod', '', ['Algorithm' => 'http://www.w3.org/2001/04/xmldsig-more#rsa-sha256']);
    foreach (['moment' => $stamp, 'corps' => $body] as $id => $target) {
        $reference = add($info, DS, 'ds:Reference', '', ['URI' => "#$id"]);
        add(add($reference, DS, 'ds:Transforms'), DS, 'ds:Transform', '', ['Algorithm' => EXCLUSIVE]);
        add($reference, DS, 'ds:DigestMethod', '', ['Algorithm' => 'http://www.w3.org/2001/04/xmlenc#sha256']);
        add($reference, DS, 'ds:DigestValue', base64_encode(hash('sha256', $target->C14N(true, false), true)));
    }
    openssl_sign($info->C14N(true, false), $value, openssl_pkey_get_private($identity), OPENSSL_ALGO_SHA256);
    add($signature, DS, 'ds:SignatureValue', base64_encode($value));
    $about = add(add($signature, DS, 'ds:KeyInfo'), WSSE, 'wsse:SecurityTokenReference');
    add($about, WSSE, 'wsse:Reference', '', ['URI' => '#jeton', 'ValueType' => TOKEN]);
    return $document->saveXML();
}

function add(DOMElement $parent, string $space, string $name, string $text = '', array $attributes = []): DOMElement
{
    $made = $parent->ownerDocument->createElementNS($space, $name);
    $text === '' || $made->appendChild($parent->ownerDocument->createTextNode($text));
    foreach ($attributes as $key => $value) {
        $made->setAttribute($key, $value);
    }
    return $parent->appendChild($made);
}

$address = "http://{$_SERVER['HTTP_HOST']}/bureau";
$wsdl = str_replace('{address}', $address, file_get_contents(__DIR__ . '/bureau.wsdl'));
if ($_SERVER['REQUEST_METHOD'] === 'GET') {
    header('Content-Type: text/xml; charset=utf-8');
    echo $wsdl;
    return;
}
if (getenv('BUREAU_IDENTITY')) {
    $identity = file_get_contents(getenv('BUREAU_IDENTITY'));
    ob_start(function (string $reply) use ($identity): string {
        $signed = signed($reply, $identity);
        header('Content-Length: ' . strlen($signed));
        return $signed;
    });
}
$server = new SoapServer('data://text/xml;base64,' . base64_encode($wsdl), [
    'cache_wsdl' => WSDL_CACHE_NONE,
    'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
]);
$server->setObject(new Bureau());
try {
    $message = message(file_get_contents('php://input'), $_SERVER['CONTENT_TYPE'] ?? '');
    judge($message);
} catch (Untrusted $trouble) {
    error_log($trouble->getMessage());
    $server->fault('Client', 'ACCES_REFUSE');
    return;
}
$server->handle($message->saveXML());
