<?php
/**
 * A small order office behind PHP's SoapServer, as a foreign target: it registers what it is handed, once by its
 * identifier, and can be asked for it.
 *
 *   BUREAU_DATA=FOLDER BUREAU_PASSWORD=… BUREAU_CERTIFICATE=SHA256 php -S 127.0.0.1:PORT bureau.php
 *
 * Who calls is judged here by DOM and OpenSSL alone: a UsernameToken (text or digest), or an X.509 signature over
 * Timestamp and Body by the certificate with that digest. Parts (MTOM) are put back before anything is judged.
 */
declare(strict_types=1);

const WSSE = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd';
const WSU = 'http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd';
const DS = 'http://www.w3.org/2000/09/xmldsig#';
const XOP = 'http://www.w3.org/2004/08/xop/include';
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

$address = "http://{$_SERVER['HTTP_HOST']}/bureau";
$wsdl = str_replace('{address}', $address, file_get_contents(__DIR__ . '/bureau.wsdl'));
if ($_SERVER['REQUEST_METHOD'] === 'GET') {
    header('Content-Type: text/xml; charset=utf-8');
    echo $wsdl;
    return;
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
