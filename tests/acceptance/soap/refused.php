<?php
/** Asks without saying who asks, and shows the fault as SoapClient sees it: php refused.php WSDL AUTHORITY.pem */
declare(strict_types=1);

[, $wsdl, $authority] = $argv;
$hub = new SoapClient($wsdl, [
    'cache_wsdl' => WSDL_CACHE_NONE,
    'stream_context' => stream_context_create(['ssl' => ['cafile' => $authority]]),
]);
try {
    $hub->GetEnvelope(['reference' => '0000-0000-000']);
} catch (SoapFault $fault) {
    echo $fault->faultcode, ' ', $fault->detail->Problem->code, "\n";
    exit(0);
}
exit(1);
