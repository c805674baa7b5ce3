#!/usr/bin/perl
# A whole exchange with Perl 5.14 or later and openssl: submit, verify the receipt, fetch the inbox, acknowledge.
#
#   perl exchange.pl party.toml
#
# Core modules only (for an https:// hub IO::Socket::SSL too). party.toml is what `wasl party test` makes,
# with an RSA key. Ends with 0 when all of it was done, with 1 when the hub said no or the receipt is not
# under a seal of the trust folder, revocation included.
use strict;
use warnings;
use Digest::SHA qw(sha256_hex);
use File::Basename qw(dirname);
use File::Temp qw(tempdir);
use HTTP::Tiny;
use JSON::PP;
use MIME::Base64 qw(encode_base64 encode_base64url decode_base64url);
use POSIX qw(strftime);

$SIG{__DIE__} = sub { die @_ if $^S; print STDERR @_; exit 1 };    # otherwise the status is anything

my $file   = shift or do { warn "usage: perl exchange.pl party.toml\n"; exit 2 };
my $folder = dirname($file);
my %of     = slurp($file) =~ /^(\w+) = "(.*)"$/mg;
my ($key, $certificate, $trust) = map { "$folder/$of{$_}" } qw(key certificate trust);
my $work = tempdir(CLEANUP => 1);
my $http = HTTP::Tiny->new(timeout => 120, max_redirect => 0);
my $json = JSON::PP->new->utf8->canonical;

sub slurp { my ($path) = @_; open my $in, '<:raw', $path or die "$path: $!\n"; local $/; return <$in> }
sub spew { my ($path, $octets) = @_; open my $out, '>:raw', $path or die "$path: $!\n"; print $out $octets; close $out }

# Runs openssl without a shell; its output, or nothing where it fails.
sub openssl {
    open my $said, '-|', 'openssl', @_ or die "openssl: $!\n";
    local $/;
    my $out = <$said>;
    return close $said ? $out : undef;
}

# A compact JWS, RS256; the private key is read by openssl alone.
sub jws {
    my ($header, $payload) = @_;
    my $input = join '.', map { encode_base64url($json->encode($_)) } { alg => 'RS256', %$header }, $payload;
    spew("$work/input", $input);
    my $signature = openssl('dgst', '-sha256', '-sign', $key, "$work/input") // die "cannot sign\n";
    return "$input." . encode_base64url($signature);
}

# The signature as openssl reads it: of an elliptic curve, JOSE has r and s side by side, openssl wants DER.
sub der {
    my ($raw) = @_;
    my $half = length($raw) / 2;
    my ($r, $s) = map { my $n = $_ =~ s/^\0+(?=.)//sr; $n =~ s/^(?=[\x80-\xff])/\0/; $n } substr($raw, 0, $half), substr($raw, $half);
    my $both = join '', map { pack('CC/a*', 2, $_) } $r, $s;
    return pack('CC/a*', 0x30, $both);
}

# The content of a receipt that is sealed under the trust folder's seal/ (seal/test/ for tests).
sub verified {
    my ($receipt) = @_;
    my ($protected, $payload, $signature) = split /\./, $receipt;
    my $header = $json->decode(decode_base64url($protected));
    my %digest = (ES256 => 'sha256', ES384 => 'sha384', RS256 => 'sha256');
    my $digest = $digest{ $header->{alg} };
    die "not a receipt\n" if $header->{typ} ne 'wasl-receipt+json' or !$digest;
    spew("$work/seal.pem", "-----BEGIN CERTIFICATE-----\n" . $header->{x5c}[0] =~ s/(.{64})/$1\n/gr . "\n-----END CERTIFICATE-----\n");
    spew("$work/anchors.pem", join '', map { slurp($_) } glob("$trust/seal/*.pem $trust/seal/test/*.pem"));
    spew("$work/lists.pem",   join '', map { slurp($_) } glob("$trust/seal/*.crl $trust/seal/test/*.crl"));
    openssl('verify', '-CAfile', "$work/anchors.pem", "$work/seal.pem") // die "the seal is not one of the trust folder\n";
    openssl('verify', '-crl_check', '-CAfile', "$work/anchors.pem", '-CRLfile', "$work/lists.pem", "$work/seal.pem")
        // die "the seal is revoked, or nobody can tell\n";
    spew("$work/public.pem", openssl('x509', '-in', "$work/seal.pem", '-noout', '-pubkey') // die "no key\n");
    my $raw = decode_base64url($signature);
    spew("$work/signature", $header->{alg} =~ /^ES/ ? der($raw) : $raw);
    spew("$work/sealed",    "$protected.$payload");
    openssl('dgst', "-$digest", '-verify', "$work/public.pem", '-signature', "$work/signature", "$work/sealed")
        // die "the receipt was changed\n";
    return $json->decode(decode_base64url($payload));
}

# Send the same octets until the hub has answered: a repeat never makes a second letter.
sub submit {
    my ($letter) = @_;
    my $answer;
    for my $wait (1, 2, 4, 8, 16, 0) {
        $answer = $http->post("$of{hub}/api/v1/envelopes",
            { headers => { 'Content-Type' => 'application/jose' }, content => $letter });
        last if $answer->{status} < 500 and $answer->{status} != 429;
        my $asked = ($answer->{headers}{'retry-after'} || 0) + 0;
        sleep($asked > $wait ? $asked : $wait);
    }
    return $answer if $answer->{status} =~ /^20[01]$/;
    die "not accepted: $answer->{status} $answer->{content}\n";
}

# A token, for a JWT signed with the same key (private_key_jwt, RFC 7523).
sub token {
    my ($scope) = @_;
    my $address = "$of{hub}/oauth2/token";
    my %claims = (iss => $of{party}, sub => $of{party}, aud => $address, jti => random_hex(), exp => time + 120);
    my $answer = $http->post_form($address, {
        grant_type            => 'client_credentials',
        client_assertion_type => 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
        client_assertion      => jws({ typ => 'JWT' }, \%claims),
        scope                 => $scope,
    });
    die "no token: $answer->{content}\n" unless $answer->{success};
    return $json->decode($answer->{content})->{access_token};
}

sub random_hex { my $hex = openssl('rand', '-hex', '16'); chomp $hex; return $hex }

my $id = random_hex() =~ s/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/$1-$2-4$3-8$4-$5/r;
my %envelope = (
    version    => '1.0',
    hub        => $of{hub_code},
    messageId  => $id,
    purpose    => 'letter',
    createdAt  => strftime('%Y-%m-%dT%H:%M:%SZ', gmtime),
    sender     => { party => $of{party} },
    recipients => [ { office => $of{office} } ],
    subject    => 'Letter by Perl',
    language   => 'en',
    test       => JSON::PP::true,
    body       => 'Signed by openssl, sent by core modules.',
);
my $x5c    = encode_base64(openssl('x509', '-in', $certificate, '-outform', 'DER') // die("no certificate\n"), '');
my $letter = jws({ typ => 'wasl-envelope+json', iat => time, x5c => [$x5c] }, \%envelope);

my $answer  = submit($letter);
my $receipt = verified($answer->{content});
die "a receipt of something else\n"
    if $receipt->{kind} ne 'acceptance' or $receipt->{messageId} ne $id or $receipt->{received}{sha256} ne sha256_hex($letter);
my $reference = $receipt->{reference};
spew("receipt-$reference.jws", $answer->{content});
print "accepted $reference, receipt verified\n";

my %as_party = ('Authorization' => 'Bearer ' . token('inbox'));
my $entry;
for (1 .. 20) {
    my $listed = $http->get("$of{hub}/api/v1/inbox?office=$of{office}&limit=100", { headers => \%as_party });
    die "$listed->{status} $listed->{content}\n" unless $listed->{success};
    ($entry) = grep { $_->{reference} eq $reference } @{ $json->decode($listed->{content})->{letters} };
    last if $entry;
    sleep 1;
}
die "the letter did not arrive\n" unless $entry;
my $content = $http->get("$of{hub}$entry->{content}", { headers => \%as_party });
die "another letter than was sent\n" unless $content->{success} and $content->{content} eq $letter;
spew("letter-$reference.jws", $content->{content});
print "fetched $reference: $entry->{subject}\n";
my $taken = $http->post("$of{hub}/api/v1/inbox/$entry->{delivery}/acknowledge", {
    headers => { %as_party, 'Content-Type' => 'application/json' },
    content => $json->encode({ registerNumber => 'perl/1' }),
});
die "$taken->{status} $taken->{content}\n" unless $taken->{success};
my $state = $json->decode($taken->{content})->{state};
print "acknowledged $reference: $state\n";
exit($state eq 'HANDED_OVER' ? 0 : 1);
