#!/bin/bash
# Makes certificates for trying Exeat out on this machine: an authority, a server certificate and a client certificate.
#
#   certs-example/make-certificates.sh             makes what is missing or no longer valid
#   certs-example/make-certificates.sh NAME...     the same; the server certificate also holds these names or addresses
#   certs-example/make-certificates.sh --renew     makes server and client certificate anew, with new keys
#
# The files lie beside this script. Keys are readable by their owner alone and are never committed. Every certificate
# says that it is an example; `exeat serve` refuses such certificates on addresses that are not loopback.
set -euo pipefail
umask 077
cd "$(dirname "$0")"

EXAMPLE='Exeat example - not for production'
AUTHORITY_DAYS=3650
# The longest validity that common TLS clients take for a server.
LEAF_DAYS=397

renew=
names=(localhost 127.0.0.1 ::1 exeat.example github.exeat.example)
for argument in "$@"; do
    case "$argument" in
        --renew) renew=yes ;;
        -h | --help)
            sed -n '2,9s/^# \{0,1\}//p' "$(basename "$0")"
            exit 0
            ;;
        *[!A-Za-z0-9.:*-]* | -* | '')
            echo "make-certificates.sh: '$argument' is not a host name or an address" >&2
            exit 2
            ;;
        *) names+=("$argument") ;;
    esac
done

command -v openssl >/dev/null || {
    echo "make-certificates.sh needs openssl (Debian: apt install openssl)" >&2
    exit 2
}

# Everything is made in here and moved out when it is whole.
workshop=$(mktemp -d ./.making.XXXXXX)
trap 'rm -rf "$workshop"' EXIT

is_address() { case "$1" in *:*) true ;; *[!0-9.]*) false ;; *) true ;; esac; }

# What a certificate calls this name: IP:127.0.0.1 or DNS:localhost.
alternative() { if is_address "$1"; then echo "IP:$1"; else echo "DNS:$1"; fi; }

# make_key FILE
make_key() {
    openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null
}

# put NAME: the finished pair goes to its place, the key first, so that no certificate ever stands there without its key.
put() {
    chmod 600 "$workshop/$1.key"
    chmod 644 "$workshop/$1.pem"
    mv -f "$workshop/$1.key" "$1.key"
    mv -f "$workshop/$1.pem" "$1.pem"
    echo "made $1.pem and $1.key"
}

make_authority() {
    make_key "$workshop/ca.key"
    cat >"$workshop/ca.cnf" <<END
[req]
distinguished_name = name
prompt = no
string_mask = utf8only
x509_extensions = extensions
[name]
O = $EXAMPLE
CN = Exeat example authority
[extensions]
basicConstraints = critical, CA:TRUE, pathlen:0
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
END
    openssl req -x509 -new -sha256 -config "$workshop/ca.cnf" -key "$workshop/ca.key" \
        -set_serial "0x1$(openssl rand -hex 15)" -days "$AUTHORITY_DAYS" -out "$workshop/ca.pem"
    put ca
}

# make_leaf NAME USAGE COMMON-NAME [ALTERNATIVES]
make_leaf() {
    make_key "$workshop/$1.key"
    cat >"$workshop/$1.cnf" <<END
[req]
distinguished_name = name
prompt = no
string_mask = utf8only
[name]
O = $EXAMPLE
CN = $3
[extensions]
basicConstraints = critical, CA:FALSE
keyUsage = critical, digitalSignature
extendedKeyUsage = $2
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
${4:+subjectAltName = $4}
END
    openssl req -new -sha256 -config "$workshop/$1.cnf" -key "$workshop/$1.key" -out "$workshop/$1.csr"
    openssl x509 -req -sha256 -in "$workshop/$1.csr" -CA ca.pem -CAkey ca.key \
        -set_serial "0x1$(openssl rand -hex 15)" -days "$LEAF_DAYS" \
        -extfile "$workshop/$1.cnf" -extensions extensions -out "$workshop/$1.pem" 2>"$workshop/said" || {
        cat "$workshop/said" >&2
        exit 1
    }
    put "$1"
}

# Whether this pair is there, belongs together, and the certificate is valid.
is_good() {
    [ -s "$1.pem" ] && [ -s "$1.key" ] && openssl verify -CAfile ca.pem "$1.pem" >/dev/null 2>&1 &&
        [ "$(openssl x509 -in "$1.pem" -noout -pubkey)" = "$(openssl pkey -in "$1.key" -pubout 2>/dev/null)" ]
}

# Whether the server certificate holds this name.
is_named() {
    if is_address "$1"; then
        openssl x509 -in server.pem -noout -checkip "$1" | grep -q 'does match'
    else
        openssl x509 -in server.pem -noout -ext subjectAltName | tr -d ' ' | tr ',' '\n' | grep -qxF "DNS:$1"
    fi
}

is_good ca || make_authority

if [ -n "$renew" ] || ! is_good server; then
    alternatives=
    for name in "${names[@]}"; do
        alternatives="${alternatives:+$alternatives, }$(alternative "$name")"
    done
    make_leaf server serverAuth 'Exeat example server' "$alternatives"
else
    for name in "${names[@]}"; do
        is_named "$name" || {
            echo "make-certificates.sh: server.pem does not hold $name; to make it anew, run this again with --renew" >&2
            exit 1
        }
    done
fi

if [ -n "$renew" ] || ! is_good client; then
    make_leaf client clientAuth 'Exeat example client'
fi
