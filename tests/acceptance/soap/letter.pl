#!/usr/bin/perl
# Hands a letter in, waits until it lies in an office's inbox, and acknowledges it, with SOAP::Lite.
#
#   perl letter.pl WSDL AUTHORITY.pem CLIENT.pem LETTER.xml OFFICE RECEIPT.xml
use strict;
use warnings;
use MIME::Base64 qw(encode_base64 decode_base64);
use SOAP::Lite;

my ($wsdl, $authority, $client, $letter, $office, $receipt) = @ARGV;
my $address = $wsdl =~ s/\?.*//r;
my $hub = SOAP::Lite->new->proxy(
    $address,
    ssl_opts => {
        verify_hostname => 1, SSL_ca_file => $authority, SSL_cert_file => $client, SSL_key_file => $client,
    },
)->ns('urn:wasl:soap:1.0', 'w');
$hub->on_fault(sub { my ($soap, $answer) = @_; die ref $answer ? $answer->faultstring : $soap->transport->status });

sub text { my ($name, $value) = @_; return SOAP::Data->name("w:$name")->type('')->value($value) }

sub octets_of { open my $file, '<:raw', $_[0] or die; local $/; return scalar <$file> }

my $answer = $hub->call('SubmitEnvelope',
    text(octets => encode_base64(octets_of($letter), '')), text(mediaType => 'application/xml'));
open my $file, '>:raw', $receipt or die;
print {$file} decode_base64($answer->valueof('//SubmitEnvelopeResponse/receipt'));
close $file;
my $reference = $answer->valueof('//SubmitEnvelopeResponse/reference');
my $status = $answer->valueof('//SubmitEnvelopeResponse/status');
for (1 .. 300) {
    for my $one ($hub->call('ListInbox', text(office => $office))->valueof('//ListInboxResponse/letter')) {
        next if $one->{reference} ne $reference;
        my $now = $hub->call('Acknowledge', text(delivery => $one->{delivery}), text(registerNumber => 'PERL-1'));
        print "$status $one->{delivery} ", $now->valueof('//AcknowledgeResponse/state'), "\n";
        exit 0;
    }
    select undef, undef, undef, 0.1;
}
exit 1;
