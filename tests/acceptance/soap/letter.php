<?php
/**
 * Hands a letter in, waits until it lies in an office's inbox, and acknowledges it, with SoapClient alone.
 *
 *   php letter.php WSDL AUTHORITY.pem CLIENT.pem LETTER.xml OFFICE RECEIPT.xml [1.1|1.2]
 *
 * CLIENT.pem holds the office's client certificate and its key: mutual TLS says who reads.
 */
declare(strict_types=1);

[, $wsdl, $authority, $client, $letter, $office, $receipt] = $argv;
$version = ($argv[7] ?? '1.1') === '1.2' ? SOAP_1_2 : SOAP_1_1;
$tls = ['cafile' => $authority, 'local_cert' => $client, 'verify_peer' => true, 'verify_peer_name' => true];
$hub = new SoapClient($wsdl, [
    'soap_version' => $version,
    'cache_wsdl' => WSDL_CACHE_NONE,
    'features' => SOAP_SINGLE_ELEMENT_ARRAYS,
    'stream_context' => stream_context_create(['ssl' => $tls]),
]);

$answer = $hub->SubmitEnvelope(['octets' => file_get_contents($letter), 'mediaType' => 'application/xml']);
file_put_contents($receipt, $answer->receipt);
for ($tries = 0; $tries < 300; $tries++) {
    $lying = $hub->ListInbox(['office' => $office])->letter ?? [];
    foreach ($lying as $one) {
        if ($one->reference === $answer->reference) {
            $content = $hub->GetContent(['delivery' => $one->delivery]);
            if ($content->octets !== file_get_contents($letter)) {
                exit(3);
            }
            $now = $hub->Acknowledge(['delivery' => $one->delivery, 'registerNumber' => 'PHP-1']);
            echo "$answer->status $one->delivery $now->state\n";
            exit(0);
        }
    }
    usleep(100000);
}
exit(1);
