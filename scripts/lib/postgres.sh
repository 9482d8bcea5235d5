# A private PostgreSQL server in a directory of its own. Sourced by the scripts beside it.
#
#   postgres_install            installs the server if it is missing
#   postgres_start DIRECTORY    starts one; sets POSTGRES_URL
#   postgres_stop               stops it and removes the directory
#
# PostgreSQL refuses to run as root, so root hands it to an unprivileged account.

postgres_bin() {
    local dir
    for dir in /usr/lib/postgresql/*/bin /usr/pgsql-*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
        if [ -x "$dir/initdb" ]; then found=$dir; fi
    done
    if [ -n "${found:-}" ]; then
        echo "$found"
    elif command -v initdb >/dev/null; then
        dirname "$(readlink -f "$(command -v initdb)")"
    else
        return 1
    fi
}

as_root() {
    if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi
}

apt_install() {
    as_root apt-get update -q
    as_root env DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "$@"
}

postgres_install() {
    if postgres_bin >/dev/null; then return; fi
    echo "installing PostgreSQL from the system's packages"
    if command -v apt-get >/dev/null; then
        # The package would start a cluster of its own, which nobody here needs.
        as_root mkdir -p /etc/postgresql-common/createcluster.d
        echo 'create_main_cluster = false' | as_root tee /etc/postgresql-common/createcluster.d/claviger.conf >/dev/null
        apt_install postgresql
        as_root rm -f /etc/postgresql-common/createcluster.d/claviger.conf
    elif command -v dnf >/dev/null; then
        as_root dnf install -y postgresql-server
    elif command -v apk >/dev/null; then
        as_root apk add postgresql
    elif command -v brew >/dev/null; then
        brew install postgresql@17
    else
        echo "please install the PostgreSQL server and try again" >&2
        return 1
    fi
    postgres_bin >/dev/null
}

# Runs a command as an account that PostgreSQL accepts.
postgres_as() {
    if [ "$(id -u)" != 0 ]; then
        "$@"
    elif id postgres >/dev/null 2>&1; then
        setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups "$@"
    else
        setpriv --reuid=nobody --regid="$(id -g nobody)" --clear-groups "$@"
    fi
}

free_port() {
    python3 - <<'PY' 2>/dev/null || echo $((20000 + RANDOM % 20000))
import socket
with socket.socket() as s:
    s.bind(("127.0.0.1", 0))
    print(s.getsockname()[1])
PY
}

postgres_start() {
    POSTGRES_DIR=$1
    local bin port
    bin=$(postgres_bin)
    mkdir -p "$POSTGRES_DIR"
    if [ "$(id -u)" = 0 ]; then
        if id postgres >/dev/null 2>&1; then chown postgres "$POSTGRES_DIR"; else chown nobody "$POSTGRES_DIR"; fi
    fi
    cd "$POSTGRES_DIR"
    postgres_as "$bin/initdb" -D "$POSTGRES_DIR/data" -U claviger --auth=trust --encoding=UTF8 --no-locale >"/dev/null"
    port=$(free_port)
    # Nothing here must survive a power cut, so it need not wait for the disk.
    postgres_as "$bin/pg_ctl" -D "$POSTGRES_DIR/data" -l "$POSTGRES_DIR/log" -w -t 60 start -o \
        "-p $port -c listen_addresses=127.0.0.1 -c unix_socket_directories=$POSTGRES_DIR -c max_connections=400 ${POSTGRES_OPTIONS:--c fsync=off -c synchronous_commit=off}" >/dev/null
    cd - >/dev/null
    POSTGRES_URL="postgres://claviger@127.0.0.1:$port/postgres"
}

postgres_stop() {
    if [ -z "${POSTGRES_DIR:-}" ]; then return; fi
    (cd / && postgres_as "$(postgres_bin)/pg_ctl" -D "$POSTGRES_DIR/data" -m immediate -w stop >/dev/null 2>&1) || true
    rm -rf "$POSTGRES_DIR"
    POSTGRES_DIR=
}
