/*
 * A whole exchange in C99 with libcurl and libcrypto: submit, verify the receipt, fetch the inbox, acknowledge.
 *
 *   cc -std=c99 -Wall -Wextra -o exchange exchange.c -lcurl -lcrypto
 *   ./exchange party.toml
 *
 * On POSIX, with curl 7.85 and OpenSSL 3.0 or later. party.toml is what `wasl party test` makes, with an RSA
 * key. Ends with 0 when all of it was done, with 1 when the hub said no or the receipt is not under a seal of
 * the trust folder, revocation included.
 *
 * Memory: octets are a `text`, never changed once made, with their size and a NUL behind them. What is taken
 * stays until the program ends, which is soon; a service would give it back letter by letter.
 */
#define _POSIX_C_SOURCE 200809L
#include <curl/curl.h>
#include <dirent.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/rand.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define MOST_OCTETS ((size_t)64 << 20) /* of a file or an answer */
#define DEEPEST 64                     /* values within values in JSON */

typedef struct {
    const char *at; /* NULL: there is none */
    size_t size;
} text;

static const text NONE = {NULL, 0};

static void fail(const char *format, ...) __attribute__((format(printf, 1, 2), noreturn));
static text print(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void fail(const char *format, ...)
{
    va_list given;
    va_start(given, format);
    vfprintf(stderr, format, given);
    va_end(given);
    fputc('\n', stderr);
    exit(1);
}

/* Memory ------------------------------------------------------------------------------------------------ */

struct taken {
    struct taken *before;
    char octets[];
};

static struct taken *all_taken;

/* Room for `size` octets and a NUL, until the program ends. */
static char *take(size_t size)
{
    if (size > 4 * MOST_OCTETS) fail("too large");
    struct taken *one = calloc(1, sizeof *one + size + 1);
    if (one == NULL) fail("no memory");
    one->before = all_taken;
    all_taken = one;
    return one->octets;
}

static void give_all_back(void)
{
    while (all_taken != NULL) {
        struct taken *before = all_taken->before;
        free(all_taken);
        all_taken = before;
    }
}

static text copy(const void *octets, size_t size)
{
    char *kept = take(size);
    if (size > 0) memcpy(kept, octets, size);
    return (text){kept, size};
}

static text print(const char *format, ...)
{
    va_list given, again;
    va_start(given, format);
    va_copy(again, given);
    int size = vsnprintf(NULL, 0, format, given);
    va_end(given);
    if (size < 0) fail("cannot print");
    char *printed = take((size_t)size);
    vsnprintf(printed, (size_t)size + 1, format, again);
    va_end(again);
    return (text){printed, (size_t)size};
}

static bool same(text one, text other)
{
    return one.at && other.at && one.size == other.size && memcmp(one.at, other.at, one.size) == 0;
}

static bool is(text one, const char *other)
{
    return same(one, (text){other, strlen(other)});
}

/* Files ------------------------------------------------------------------------------------------------- */

static text read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (file == NULL || fseek(file, 0, SEEK_END) != 0) fail("%s: cannot be read", path);
    long size = ftell(file);
    if (size < 0 || (size_t)size > MOST_OCTETS) fail("%s: cannot be read", path);
    rewind(file);
    char *octets = take((size_t)size);
    if (fread(octets, 1, (size_t)size, file) != (size_t)size) fail("%s: cannot be read", path);
    fclose(file);
    return (text){octets, (size_t)size};
}

static void write_file(const char *path, text octets)
{
    FILE *file = fopen(path, "wb");
    if (file == NULL || fwrite(octets.at, 1, octets.size, file) != octets.size || fclose(file) != 0)
        fail("%s: cannot be written", path);
}

/* The value of a line `name = "value"`; one that would need escaping in JSON is refused. */
static const char *setting(text file, const char *name)
{
    text wanted = print("%s = \"", name);
    for (const char *line = file.at; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, wanted.at, wanted.size) != 0) continue;
        size_t size = strcspn(line + wanted.size, "\"\\\r\n\t");
        if (line[wanted.size + size] == '"') return copy(line + wanted.size, size).at;
    }
    fail("no %s in the settings", name);
}

/* base64 (RFC 4648) ------------------------------------------------------------------------------------- */

static text base64(text octets, bool url)
{
    char *out = take((octets.size + 2) / 3 * 4);
    size_t size = (size_t)EVP_EncodeBlock((unsigned char *)out, (const unsigned char *)octets.at, (int)octets.size);
    for (size_t index = 0; url && index < size; index++) {
        if (out[index] == '+') out[index] = '-';
        if (out[index] == '/') out[index] = '_';
    }
    while (url && size > 0 && out[size - 1] == '=') out[--size] = '\0';
    return (text){out, size};
}

/* The octets behind either alphabet, with padding or without; NONE if it is neither. */
static text unbase64(text coded)
{
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    if (coded.at == NULL) return NONE;
    while (coded.size > 0 && coded.at[coded.size - 1] == '=') coded.size--;
    char *out = take(coded.size);
    size_t size = 0;
    uint32_t bits = 0;
    for (size_t index = 0; index < coded.size; index++) {
        char letter = coded.at[index];
        letter = letter == '-' ? '+' : letter == '_' ? '/' : letter;
        const char *found = letter == '\0' ? NULL : strchr(alphabet, letter);
        if (found == NULL) return NONE;
        bits = (bits << 6 | (uint32_t)(found - alphabet)) & 0xffffff;
        if (index % 4 == 1) out[size++] = (char)(bits >> 4 & 0xff);
        if (index % 4 == 2) out[size++] = (char)(bits >> 2 & 0xff);
        if (index % 4 == 3) out[size++] = (char)(bits & 0xff);
    }
    return coded.size % 4 == 1 ? NONE : (text){out, size};
}

/* JSON (RFC 8259), as much as is needed to find a value ---------------------------------------------------- */

static const char *space(const char *at, const char *end)
{
    while (at < end && (*at == ' ' || *at == '\t' || *at == '\r' || *at == '\n')) at++;
    return at;
}

/* What comes behind a string; NULL if there is none. */
static const char *behind_string(const char *at, const char *end)
{
    if (at >= end || *at != '"') return NULL;
    for (at++; at < end && *at != '"'; at++)
        if (*at == '\\') at++;
    return at < end ? at + 1 : NULL;
}

/* What comes behind a value of any kind; NULL if there is none. */
static const char *behind(const char *at, const char *end, int depth)
{
    at = space(at, end);
    if (at >= end || depth > DEEPEST) return NULL;
    if (*at == '"') return behind_string(at, end);
    if (*at != '{' && *at != '[') {
        const char *start = at;
        while (at < end && strchr("+-.0123456789aeflnrstuE", *at) != NULL && *at != '\0') at++;
        return at > start ? at : NULL;
    }
    char closing = *at == '{' ? '}' : ']';
    for (at = space(at + 1, end); at < end && *at != closing; at = space(at, end)) {
        if (closing == '}') {
            at = behind_string(at, end);
            at = at == NULL ? NULL : space(at, end);
            if (at == NULL || at >= end || *at++ != ':') return NULL;
        }
        at = behind(at, end, depth + 1);
        at = at == NULL ? NULL : space(at, end);
        if (at == NULL || at >= end || (*at != ',' && *at != closing)) return NULL;
        at += *at == ',';
    }
    return at < end ? at + 1 : NULL;
}

/* A member of an object, or where `name` is NULL an array's element of that number. */
static text value(text within, const char *name, size_t number)
{
    if (within.at == NULL) return NONE;
    const char *at = within.at, *end = at + within.size;
    if (behind(at, end, 0) == NULL) return NONE; /* from here on it is well formed */
    at = space(at, end);
    if (*at != (name == NULL ? '[' : '{')) return NONE;
    for (at = space(at + 1, end); *at != ']' && *at != '}'; at = space(at, end)) {
        bool found = name == NULL && number-- == 0;
        if (name != NULL) {
            const char *key = at + 1;
            at = behind_string(at, end);
            found = is((text){key, (size_t)(at - 1 - key)}, name);
            at = space(at, end) + 1;
        }
        const char *start = space(at, end);
        at = behind(at, end, 0);
        if (found) return (text){start, (size_t)(at - start)};
        at = space(at, end);
        at += *at == ',';
    }
    return NONE;
}

static text member(text object, const char *name)
{
    return value(object, name, 0);
}

/* What a string says; NONE for other values, and for one with escapes, which identifiers never have. */
static text said(text string)
{
    if (string.at == NULL || string.size < 2 || *string.at != '"') return NONE;
    if (memchr(string.at, '\\', string.size) != NULL) return NONE;
    return copy(string.at + 1, string.size - 2);
}

static text word(text object, const char *name)
{
    return said(member(object, name));
}

/* HTTP -------------------------------------------------------------------------------------------------- */

typedef struct {
    long status; /* 0: none came */
    long wait;   /* for how many seconds the hub asks for patience */
    text body;
} answer;

struct arriving {
    char *octets;
    size_t size, room;
};

static size_t arrived(char *octets, size_t one, size_t count, void *where)
{
    struct arriving *here = where;
    size_t more = one * count; /* curl: one is 1 */
    if (more > MOST_OCTETS - here->size) return 0;
    if (here->size + more > here->room) {
        size_t room = 2 * (here->size + more);
        char *larger = realloc(here->octets, room);
        if (larger == NULL) return 0;
        here->octets = larger;
        here->room = room;
    }
    memcpy(here->octets + here->size, octets, more);
    here->size += more;
    return more;
}

/* One call; with a body it is a POST. `bearer` and `media_type` may be NULL. */
static answer call(const char *url, const char *bearer, const char *media_type, text body)
{
    struct arriving here = {NULL, 0, 0};
    struct curl_slist *headers = NULL;
    answer got = {0, 0, NONE};
    CURL *curl = curl_easy_init();
    if (curl == NULL) fail("no curl");
    if (bearer != NULL) headers = curl_slist_append(headers, print("Authorization: Bearer %s", bearer).at);
    if (media_type != NULL) headers = curl_slist_append(headers, print("Content-Type: %s", media_type).at);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_TIMEOUT, 120L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, arrived);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &here);
    if (body.at != NULL) {
        curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
        curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body.at);
    }
    if (curl_easy_perform(curl) == CURLE_OK) {
        curl_off_t wait = 0;
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &got.status);
        curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &wait);
        got.wait = wait > 0 && wait < 3600 ? (long)wait : 0;
        got.body = copy(here.octets, here.size);
    }
    curl_slist_free_all(headers);
    curl_easy_cleanup(curl);
    free(here.octets);
    return got;
}

static text good(answer got)
{
    if (got.status / 100 != 2) fail("%ld %s", got.status, got.body.at == NULL ? "no answer" : got.body.at);
    return got.body;
}

/* Keys and seals ------------------------------------------------------------------------------------------ */

static text sha256_hex(text octets)
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned int size = 0;
    if (EVP_Digest(octets.at, octets.size, digest, &size, EVP_sha256(), NULL) != 1) fail("no SHA-256");
    char *hex = take(2 * (size_t)size);
    for (unsigned int index = 0; index < size; index++) snprintf(hex + 2 * index, 3, "%02x", digest[index]);
    return (text){hex, 2 * (size_t)size};
}

static text uuid(void)
{
    unsigned char r[16];
    if (RAND_bytes(r, sizeof r) != 1) fail("no randomness");
    return print("%02x%02x%02x%02x-%02x%02x-4%01x%02x-8%01x%02x-%02x%02x%02x%02x%02x%02x", r[0], r[1], r[2], r[3], r[4],
                 r[5], r[6] & 15, r[7], r[8] & 15, r[9], r[10], r[11], r[12], r[13], r[14], r[15]);
}

/* A compact JWS, RS256 (RFC 7515); `more` is the rest of its header. */
static text jws(EVP_PKEY *key, const char *more, text payload)
{
    text header = print("{\"alg\":\"RS256\",%s}", more);
    text input = print("%s.%s", base64(header, true).at, base64(payload, true).at);
    size_t size = (size_t)EVP_PKEY_get_size(key);
    char *signature = take(size);
    EVP_MD_CTX *signing = EVP_MD_CTX_new();
    bool done = signing != NULL && EVP_DigestSignInit(signing, NULL, EVP_sha256(), NULL, key) == 1 &&
                EVP_DigestSign(signing, (unsigned char *)signature, &size, (const unsigned char *)input.at, input.size) == 1;
    EVP_MD_CTX_free(signing);
    if (!done) fail("cannot sign");
    return print("%s.%s", input.at, base64((text){signature, size}, true).at);
}

/* The signature of an elliptic curve as libcrypto reads it: JOSE has r and s side by side, libcrypto wants DER. */
static text in_der(text raw)
{
    const unsigned char *octets = (const unsigned char *)raw.at;
    int half = (int)(raw.size / 2);
    ECDSA_SIG *both = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(octets, half, NULL), *s = BN_bin2bn(octets + half, half, NULL);
    if (both == NULL || r == NULL || s == NULL || ECDSA_SIG_set0(both, r, s) != 1) fail("no memory");
    unsigned char *der = NULL;
    int size = i2d_ECDSA_SIG(both, &der);
    if (size < 0) fail("no memory");
    text kept = copy(der, (size_t)size);
    OPENSSL_free(der);
    ECDSA_SIG_free(both);
    return kept;
}

static bool ends(const char *name, const char *with)
{
    size_t size = strlen(name), end = strlen(with);
    return size > end && strcmp(name + size - end, with) == 0;
}

/* Add the authorities (*.pem) and the revocation lists (*.crl, PEM or DER) of a folder, if there is one. */
static void add_folder(X509_STORE *store, const char *folder)
{
    DIR *entries = opendir(folder);
    for (struct dirent *entry; entries != NULL && (entry = readdir(entries)) != NULL;) {
        if (!ends(entry->d_name, ".pem") && !ends(entry->d_name, ".crl")) continue;
        text octets = read_file(print("%s/%s", folder, entry->d_name).at);
        BIO *source = BIO_new_mem_buf(octets.at, (int)octets.size);
        if (source == NULL) fail("no memory");
        for (X509 *one; ends(entry->d_name, ".pem") && (one = PEM_read_bio_X509(source, NULL, NULL, NULL)) != NULL;) {
            X509_STORE_add_cert(store, one);
            X509_free(one);
        }
        bool pem = octets.size > 0 && octets.at[0] == '-';
        for (X509_CRL *one; ends(entry->d_name, ".crl");) {
            one = pem ? PEM_read_bio_X509_CRL(source, NULL, NULL, NULL) : d2i_X509_CRL_bio(source, NULL);
            if (one == NULL) break;
            X509_STORE_add_crl(store, one);
            X509_CRL_free(one);
        }
        BIO_free(source);
    }
    if (entries != NULL) closedir(entries);
}

/* Fails unless the seal was issued under the trust folder's seal/ (seal/test/ for tests) and is not revoked. */
static void check_seal(X509 *seal, const char *trust)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE_CTX *checking = X509_STORE_CTX_new();
    if (store == NULL || checking == NULL) fail("no memory");
    add_folder(store, print("%s/seal", trust).at);
    add_folder(store, print("%s/seal/test", trust).at);
    X509_STORE_set_flags(store, X509_V_FLAG_CRL_CHECK);
    if (X509_STORE_CTX_init(checking, store, seal, NULL) != 1) fail("no memory");
    bool believed = X509_verify_cert(checking) == 1;
    int error = X509_STORE_CTX_get_error(checking);
    X509_STORE_CTX_free(checking);
    X509_STORE_free(store);
    if (believed) return;
    const char *why = X509_verify_cert_error_string(error);
    if (error == X509_V_ERR_CERT_REVOKED) fail("the seal is revoked");
    if (strstr(why, "CRL") != NULL) fail("nobody can tell whether the seal is revoked: %s", why);
    fail("the seal is not one of the trust folder: %s", why);
}

static bool signed_by(X509 *seal, text alg, text input, text signature)
{
    bool curve = is(alg, "ES256") || is(alg, "ES384");
    if (signature.at == NULL || (!curve && !is(alg, "RS256"))) return false;
    if (curve && signature.size != (is(alg, "ES256") ? 64u : 96u)) return false;
    EVP_PKEY *key = X509_get0_pubkey(seal);
    if (key == NULL || EVP_PKEY_get_base_id(key) != (curve ? EVP_PKEY_EC : EVP_PKEY_RSA)) return false;
    text value = curve ? in_der(signature) : signature;
    EVP_MD_CTX *checking = EVP_MD_CTX_new();
    const EVP_MD *digest = is(alg, "ES384") ? EVP_sha384() : EVP_sha256();
    bool good = checking != NULL && EVP_DigestVerifyInit(checking, NULL, digest, NULL, key) == 1 &&
                EVP_DigestVerify(checking, (const unsigned char *)value.at, value.size,
                                 (const unsigned char *)input.at, input.size) == 1;
    EVP_MD_CTX_free(checking);
    return good;
}

/* The content of a receipt, if its seal is one of the trust folder and covers it. */
static text verified(text receipt, const char *trust)
{
    const char *first = strchr(receipt.at, '.'), *second = first == NULL ? NULL : strchr(first + 1, '.');
    if (second == NULL) fail("not a receipt");
    const char *end = receipt.at + receipt.size;
    text header = unbase64((text){receipt.at, (size_t)(first - receipt.at)});
    text payload = unbase64((text){first + 1, (size_t)(second - first - 1)});
    text signature = unbase64((text){second + 1, (size_t)(end - second - 1)});
    text der = unbase64(said(value(member(header, "x5c"), NULL, 0)));
    if (!is(word(header, "typ"), "wasl-receipt+json") || payload.at == NULL || der.at == NULL) fail("not a receipt");
    const unsigned char *at = (const unsigned char *)der.at;
    X509 *seal = d2i_X509(NULL, &at, (long)der.size);
    if (seal == NULL) fail("not a receipt");
    check_seal(seal, trust);
    bool good = signed_by(seal, word(header, "alg"), (text){receipt.at, (size_t)(second - receipt.at)}, signature);
    X509_free(seal);
    if (!good) fail("the receipt was changed");
    return payload;
}

/* The exchange -------------------------------------------------------------------------------------------- */

typedef struct {
    const char *hub, *code, *party, *office, *trust;
    EVP_PKEY *key;
    text certificate; /* in base64, as JWS carries it */
} self;

static self read_self(const char *path)
{
    const char *slash = strrchr(path, '/');
    text folder = slash == NULL ? copy(".", 1) : copy(path, (size_t)(slash - path));
    text file = read_file(path);
    self me = {setting(file, "hub"), setting(file, "hub_code"), setting(file, "party"), setting(file, "office"),
               print("%s/%s", folder.at, setting(file, "trust")).at, NULL, NONE};
    text key = read_file(print("%s/%s", folder.at, setting(file, "key")).at);
    text certificate = read_file(print("%s/%s", folder.at, setting(file, "certificate")).at);
    BIO *keys = BIO_new_mem_buf(key.at, (int)key.size);
    BIO *certificates = BIO_new_mem_buf(certificate.at, (int)certificate.size);
    if (keys == NULL || certificates == NULL) fail("no memory");
    me.key = PEM_read_bio_PrivateKey(keys, NULL, NULL, NULL);
    X509 *own = PEM_read_bio_X509(certificates, NULL, NULL, NULL);
    BIO_free(keys);
    BIO_free(certificates);
    if (me.key == NULL || EVP_PKEY_get_base_id(me.key) != EVP_PKEY_RSA) fail("the key is not an RSA key");
    unsigned char *der = NULL;
    int size = own == NULL ? -1 : i2d_X509(own, &der);
    if (size < 0) fail("the certificate cannot be read");
    me.certificate = base64(copy(der, (size_t)size), false);
    OPENSSL_free(der);
    X509_free(own);
    return me;
}

static text signed_letter(const self *me, text id)
{
    char now[sizeof "2026-01-01T00:00:00Z"];
    time_t seconds = time(NULL);
    struct tm utc;
    if (gmtime_r(&seconds, &utc) == NULL || strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", &utc) == 0) fail("no clock");
    text envelope = print("{\"version\":\"1.0\",\"hub\":\"%s\",\"messageId\":\"%s\",\"purpose\":\"letter\","
                          "\"createdAt\":\"%s\",\"sender\":{\"party\":\"%s\"},\"recipients\":[{\"office\":\"%s\"}],"
                          "\"subject\":\"Letter by C\",\"language\":\"en\",\"test\":true,"
                          "\"body\":\"Signed by libcrypto, sent by libcurl.\"}",
                          me->code, id.at, now, me->party, me->office);
    text header = print("\"typ\":\"wasl-envelope+json\",\"iat\":%lld,\"x5c\":[\"%s\"]", (long long)seconds,
                        me->certificate.at);
    return jws(me->key, header.at, envelope);
}

/* Send the same octets until the hub has answered: a repeat never makes a second letter. */
static text submit(const self *me, text letter)
{
    text url = print("%s/api/v1/envelopes", me->hub);
    for (long wait = 1;; wait *= 2) {
        answer got = call(url.at, NULL, "application/jose", letter);
        if (got.status == 200 || got.status == 201) return got.body;
        if (got.status != 0 && got.status < 500 && got.status != 429) fail("not accepted: %ld %s", got.status, got.body.at);
        if (wait > 16) fail("no answer; the same octets may be sent again later");
        sleep((unsigned int)(got.wait > wait ? got.wait : wait));
    }
}

/* A token, for a JWT signed with the same key (private_key_jwt, RFC 7523). */
static text token(const self *me, const char *scope)
{
    text address = print("%s/oauth2/token", me->hub);
    text claims = print("{\"iss\":\"%s\",\"sub\":\"%s\",\"aud\":\"%s\",\"jti\":\"%s\",\"exp\":%lld}", me->party,
                        me->party, address.at, uuid().at, (long long)time(NULL) + 120);
    text form = print("grant_type=client_credentials&scope=%s&client_assertion=%s&client_assertion_type="
                      "urn%%3Aietf%%3Aparams%%3Aoauth%%3Aclient-assertion-type%%3Ajwt-bearer",
                      scope, jws(me->key, "\"typ\":\"JWT\"", claims).at);
    text got = word(good(call(address.at, NULL, "application/x-www-form-urlencoded", form)), "access_token");
    if (got.at == NULL) fail("no token");
    return got;
}

/* The letter's entry in the inbox, once the hub's worker has laid it ready. */
static text entry(const self *me, const char *bearer, text reference)
{
    text url = print("%s/api/v1/inbox?office=%s&limit=100", me->hub, me->office);
    for (int tries = 0; tries < 20; tries++) {
        text letters = member(good(call(url.at, bearer, NULL, NONE)), "letters");
        for (size_t number = 0; value(letters, NULL, number).at != NULL; number++) {
            text one = value(letters, NULL, number);
            if (same(word(one, "reference"), reference)) return one;
        }
        sleep(1);
    }
    fail("the letter did not arrive");
}

/* A word that becomes part of an address or the name of a file: letters, digits, and what is harmless. */
static const char *plain(text one)
{
    static const char harmless[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-";
    for (size_t index = 0; index < one.size; index++)
        if (one.at[index] == '\0' || strchr(harmless, one.at[index]) == NULL) fail("an answer that cannot be");
    if (one.at == NULL) fail("an answer that cannot be");
    return one.at;
}

static bool exchange(const self *me)
{
    text id = uuid(), letter = signed_letter(me, id), sealed = submit(me, letter);
    text receipt = verified(sealed, me->trust), reference = word(receipt, "reference");
    bool ours = is(word(receipt, "kind"), "acceptance") && same(word(receipt, "messageId"), id) &&
                same(word(member(receipt, "received"), "sha256"), sha256_hex(letter));
    if (!ours) fail("a receipt of something else");
    write_file(print("receipt-%s.jws", plain(reference)).at, sealed);
    printf("accepted %s, receipt verified\n", reference.at);

    text bearer = token(me, "inbox"), here = entry(me, bearer.at, reference);
    text delivery = word(here, "delivery"), subject = word(here, "subject");
    text inbox = print("%s/api/v1/inbox/%s", me->hub, plain(delivery));
    text content = good(call(print("%s/content", inbox.at).at, bearer.at, NULL, NONE));
    write_file(print("letter-%s.jws", reference.at).at, content);
    if (!same(content, letter)) fail("another letter than was sent");
    printf("fetched %s: %s\n", reference.at, subject.at == NULL ? "" : subject.at);

    text number = print("{\"registerNumber\": \"c/1\"}");
    text state = word(good(call(print("%s/acknowledge", inbox.at).at, bearer.at, "application/json", number)), "state");
    printf("acknowledged %s: %s\n", reference.at, state.at == NULL ? "" : state.at);
    return is(state, "HANDED_OVER");
}

int main(int count, char **given)
{
    if (count != 2) {
        fprintf(stderr, "usage: exchange party.toml\n");
        return 2;
    }
    atexit(give_all_back);
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) fail("no curl");
    self me = read_self(given[1]);
    bool done = exchange(&me);
    EVP_PKEY_free(me.key);
    curl_global_cleanup();
    return done ? 0 : 1;
}
