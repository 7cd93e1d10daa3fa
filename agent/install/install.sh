#!/bin/sh
# Installs the Truffle agent as a hardened systemd unit of a user of its own, or brings it up to date, or removes it. Safe to run again: what
# is as it should be stays, and what was interrupted is mended.
#
#   curl -fsSL https://truffle.example.com/install.sh | sudo sh -s -- --server https://truffle.example.com --token-file join-token
#
# The token goes by a file, by the environment (TRUFFLE_JOIN_TOKEN) or by stdin (--token-stdin): never by a command line.

main() {
  set -eu
  umask 022
  name=truffle-agent
  program_folder=/usr/local/lib/$name
  link=/usr/local/bin/$name
  settings_folder=/etc/$name
  data_folder=/var/lib/$name
  unit_folder=/etc/systemd/system
  update_folder=/var/lib/$name-update
  ready_file=/run/$name/ready
  release_key='@RELEASE_KEY@'
  server='' token_file='' ca_file='' ca_pin='' wanted_version='' site_config='' channel=''
  yes=no uninstall=no token_stdin=no downgrade=no wait_seconds=60
  scratch=''
  trap 'clean_up' EXIT
  trap 'exit 130' INT TERM HUP

  while [ $# -gt 0 ]; do
    case $1 in
      --server | --token-file | --ca-file | --ca-pin | --version | --config | --wait)
        [ $# -ge 2 ] || usage "$1 wants a value" ;;
    esac
    case $1 in
      --server) server=${2%/} && shift ;;
      --token-file) token_file=$2 && shift ;;
      --token-stdin) token_stdin=yes ;;
      --ca-file) ca_file=$2 && shift ;;
      --ca-pin) ca_pin=$2 && shift ;;
      --version) wanted_version=$2 && shift ;;
      --config) site_config=$2 && shift ;;
      --wait) wait_seconds=$2 && shift ;;
      --allow-downgrade) downgrade=yes ;;
      --uninstall) uninstall=yes ;;
      --yes | -y) yes=yes ;;
      --help | -h) help && return 0 ;;
      *) usage "unknown: $1" ;;
    esac
    shift
  done

  demand_machine
  if [ $uninstall = yes ]; then
    remove_everything
  else
    install_everything
  fi
}

help() {
  cat <<'TEXT'
install.sh --server URL [--token-file FILE | --token-stdin] [--ca-pin PIN] [--ca-file PEM] [--version X.Y.Z]
           [--config site.yaml] [--wait SECONDS] [--allow-downgrade]
install.sh --uninstall [--yes]

  --server URL      origin of the control plane, https://...
  --token-file FILE join token; also by TRUFFLE_JOIN_TOKEN in the environment. Needed only until the agent is enrolled
  --token-stdin     the join token comes on stdin (where this script is run from a file)
  --ca-pin PIN      what the authority of agents' certificates must be, as "truffle agent join-token create" prints it
  --ca-file PEM     authority of the control plane's own HTTPS certificate, where it is not a public one
  --version X.Y.Z   that version instead of the newest
  --config FILE     description of the site, copied to /etc/truffle-agent/site.yaml with the files beside it that it names
  --wait SECONDS    how long to wait until the agent is ready; 60 unless told
  --allow-downgrade go back to an older version
  --uninstall       stop the agent and remove it, its user, its settings and, once asked or with --yes, its identity
TEXT
}

# --- what is said -----------------------------------------------------------------------------------------------------------------------

ok() { printf '  ok    %s\n' "$1"; }
same() { printf '  same  %s\n' "$1"; }
note() { printf '  note  %s\n' "$1"; }

# $1 what is wrong; $2 what to do
fail() {
  printf '  FAIL  %s\n        %s\n' "$1" "$2" >&2
  exit 1
}

usage() {
  printf 'install.sh: %s (--help says more)\n' "$1" >&2
  exit 2
}

clean_up() {
  [ -z "$scratch" ] || rm -rf "$scratch"
}

# --- the machine ------------------------------------------------------------------------------------------------------------------------

demand_machine() {
  [ "$(id -u)" = 0 ] || fail 'this is not root' 'run it with sudo: curl -fsSL URL/install.sh | sudo sh -s -- ...'
  [ "$(uname -s)" = Linux ] || fail "this is $(uname -s)" 'install the agent on Linux'
  case $(uname -m) in
    x86_64 | amd64) platform=linux-x64 ;;
    aarch64 | arm64) platform=linux-arm64 ;;
    *) fail "there is no agent for $(uname -m)" 'install it on x86_64 or aarch64' ;;
  esac
  for tool in systemctl useradd userdel sed sort sha256sum gzip mktemp install; do
    command -v $tool > /dev/null 2>&1 || fail "$tool is missing" "install the package that has it, then run this again"
  done
  [ -d /run/systemd/system ] ||
    fail 'this machine was not started by systemd' 'run the agent by your own supervisor: truffle-agent run --join --server URL'
}

# --- installing -------------------------------------------------------------------------------------------------------------------------

install_everything() {
  command -v curl > /dev/null 2>&1 || fail 'curl is missing' 'install curl, then run this again'
  [ -n "$server" ] || usage '--server is missing'
  case $server in
    https://*) curl_protocol='=https' ;;
    http://127.* | http://localhost | http://localhost:* | http://\[::1\]*) curl_protocol='=http' ;;
    http://*) fail 'the server is not https' 'the token and the program would go in the clear; give an https:// origin, with --ca-file for a certificate of your own' ;;
    *) usage '--server wants an origin, https://host[:port]' ;;
  esac
  if [ -n "$ca_file" ]; then
    [ -r "$ca_file" ] || fail "$ca_file can't be read" 'give the PEM file of the authority that made the certificate of the server'
  elif [ -r "$settings_folder/ca.pem" ]; then
    ca_file=$settings_folder/ca.pem
  fi
  if [ -n "$site_config" ] && [ ! -r "$site_config" ]; then
    fail "$site_config can't be read" 'describe the site in it first, or leave --config out: the agent then only answers pings until /etc/truffle-agent/site.yaml is there'
  fi
  scratch=$(mktemp -d)
  printf 'Truffle agent on %s, for %s\n' "$(uname -n)" "$server"
  read_manifest
  place_program
  make_user
  write_settings
  write_units
  enrol
  start_unit
  await_ready
}

# $1 path of the server, $2 where to put it
get() {
  set -- "$@" --fail --silent --show-error --location --proto "$curl_protocol" --proto-redir "$curl_protocol" --tlsv1.2 \
    --retry 3 --connect-timeout 10 --speed-limit 1000 --speed-time 30
  [ -z "$ca_file" ] || set -- "$@" --cacert "$ca_file"
  from=$1 to=$2
  shift 2
  if curl "$@" --output "$to" "$server$from" 2> "$scratch/said"; then return 0; else code=$?; fi
  said=$(tail -n 1 "$scratch/said")
  case $code in
    6) fail "$said" 'the name is not known here: look at /etc/resolv.conf, and at the name' ;;
    7) fail "$said" "nothing answers at $server: look at the address, routes and firewalls" ;;
    28) fail "$said" 'the server takes too long: look at firewalls, then run this again' ;;
    35 | 51 | 58 | 60 | 77 | 83) fail "$said" 'the certificate is not trusted: for an authority of your own give --ca-file; else a proxy may be in between, or the clock is wrong (timedatectl)' ;;
    22) fail "$said ($from)" 'the control plane serves no such release: ask who runs it, or leave --version out' ;;
    *) fail "$said (curl $code)" 'run this again' ;;
  esac
}

read_manifest() {
  case $wanted_version in
    '') at=/agent ;;
    *[!0-9A-Za-z.-]*) usage '--version wants a version, 1.2.3' ;;
    *) at=/agent/$wanted_version ;;
  esac
  manifest=$scratch/manifest
  get "$at/manifest" "$manifest"
  get "$at/manifest.sig" "$manifest.sig"
  printf '%s\n' "$release_key" > "$scratch/release.pub"
  signature=unchecked
  if openssl_knows; then
    openssl pkeyutl -verify -pubin -inkey "$scratch/release.pub" -rawin -in "$manifest" -sigfile "$manifest.sig" > /dev/null 2>&1 ||
      fail 'the release is not signed by the key of this script' 'do not go on: tell who runs the control plane'
    signature=checked
  fi
  [ "$(sed -n 1p "$manifest")" = 'truffle-agent-release 1' ] ||
    fail 'the manifest is of a kind that this script does not know' 'fetch the script anew from the control plane'
  version=$(field version)
  channel=$(field channel)
  line=$(sed -n "s/^artifact $platform //p" "$manifest" | head -n 1)
  [ -n "$line" ] || fail "the release $version has no program for $platform" 'ask who runs the control plane to release it'
  # shellcheck disable=SC2086
  set -- $line
  sum=$1 packed_sum=$3
  case $version$sum$packed_sum in *[!0-9A-Za-z.-]*) fail 'the manifest is malformed' 'tell who runs the control plane' ;; esac
  case $signature in
    checked) ok "release $version ($channel), signature checked" ;;
    *) ok "release $version ($channel)" ;;
  esac
}

field() { sed -n "s/^$1 //p" "$manifest" | head -n 1; }

# Ed25519 on raw input came with OpenSSL 3.
openssl_knows() {
  command -v openssl > /dev/null 2>&1 || return 1
  case $(openssl version 2> /dev/null) in
    'OpenSSL 0.'* | 'OpenSSL 1.'* | LibreSSL*) return 1 ;;
    OpenSSL*) return 0 ;;
    *) return 1 ;;
  esac
}

place_program() {
  installed=
  [ ! -L "$program_folder/current" ] || installed=$(basename "$(readlink "$program_folder/current")")
  if [ -n "$installed" ] && [ "$installed" != "$version" ] && [ $downgrade = no ]; then
    # What stands after the dash is before the version itself: the tilde sorts so.
    newest=$(printf '%s\n%s\n' "$installed" "$version" | sed 's/-/~/' | sort -V | tail -n 1)
    [ "$newest" = "$(printf '%s' "$version" | sed 's/-/~/')" ] ||
      fail "version $installed is installed, which is newer than $version" 'give --allow-downgrade to go back'
  fi
  target=$program_folder/$version
  if [ -f "$target/$name" ] && [ "$(sha256sum < "$target/$name")" = "$sum  -" ]; then
    same "program $version"
  else
    get "/agent/$version/$platform.gz" "$scratch/program.gz"
    [ "$(sha256sum < "$scratch/program.gz")" = "$packed_sum  -" ] ||
      fail 'what was downloaded is not what the manifest names' 'run this again; when it fails again, tell who runs the control plane'
    install -d -m 0755 "$program_folder" "$target"
    gzip -dc "$scratch/program.gz" > "$target/$name.new"
    [ "$(sha256sum < "$target/$name.new")" = "$sum  -" ] || fail 'what was unpacked is not what the manifest names' 'look at the disk, then run this again'
    chmod 0755 "$target/$name.new"
    mv -f "$target/$name.new" "$target/$name"
    # Pages that were just written are mapped in larger pieces than those that are read: 30 MB more would show as resident.
    if sync "$target/$name" 2> /dev/null; then dd if="$target/$name" iflag=nocache count=0 2> /dev/null || true; fi
    ok "program $version, checksum checked"
  fi
  says=$("$target/$name" version 2> "$scratch/said") || does_not_run "$(tail -n 1 "$scratch/said")"
  [ "$says" = "$version" ] || fail "the program says that it is $says and not $version" 'tell who runs the control plane'
  if [ $signature = unchecked ]; then
    "$target/$name" release verify --manifest "$manifest" --key "$scratch/release.pub" > /dev/null ||
      fail 'the release is not signed by the key of this script' 'do not go on: tell who runs the control plane'
    note 'OpenSSL 3 is not here: the program looked at the signature of its release itself'
  fi
}

# $1 what was said
does_not_run() {
  case $1 in
    *libatomic.so* | *libstdc++.so.6:*open* | *libgcc_s.so*)
      fail "the program does not run here: $1" 'install libatomic1 and libstdc++6 (Debian, Ubuntu) or libatomic and libstdc++ (others), then run this again' ;;
    *) fail "the program does not run here: $1" 'it needs Linux 4.18 and glibc 2.28 or newer, and no noexec on /usr/local' ;;
  esac
}

make_user() {
  if id $name > /dev/null 2>&1; then
    same "user $name"
    return
  fi
  shell=/usr/sbin/nologin
  [ -x $shell ] || shell=/bin/false
  useradd --system --user-group --home-dir /var/lib/$name --no-create-home --shell $shell $name
  ok "user $name"
}

# $1 file, $2 mode, $3 owner:group; content in $scratch/put, as a pipe would take what is set here with it. Tells by "changed" whether it changed.
put() {
  if [ -f "$1" ] && cmp -s "$scratch/put" "$1"; then return 0; fi
  install -m "$2" "$scratch/put" "$1.new"
  chown "$3" "$1.new"
  mv -f "$1.new" "$1"
  changed=yes
}

write_settings() {
  changed=no
  install -d -m 0755 -o root -g root "$settings_folder"
  install -d -m 0700 -o $name -g $name "$data_folder"
  printf '%s\n' "$release_key" > "$scratch/put"
  put "$settings_folder/release.pub" 0644 root:root
  # Whose file it is decides what the site allows: an existing one is the site's own.
  if [ ! -e "$settings_folder/policy.yaml" ]; then
    policy > "$scratch/put"
    put "$settings_folder/policy.yaml" 0644 root:root
  fi
  if [ -n "$ca_file" ] && [ "$ca_file" != "$settings_folder/ca.pem" ]; then
    cat "$ca_file" > "$scratch/put"
    put "$settings_folder/ca.pem" 0644 root:root
  fi
  if [ -n "$site_config" ]; then copy_site; fi
  environment > "$scratch/put"
  put "$settings_folder/agent.env" 0644 root:root
  if [ $changed = yes ]; then ok "settings in $settings_folder"; else same "settings in $settings_folder"; fi
}

# The description, and what it names by a plain name: its token, its authority, its keys.
copy_site() {
  folder=$(dirname "$site_config")
  cat "$site_config" > "$scratch/put"
  put "$settings_folder/site.yaml" 0640 root:$name
  for key in tokenSecretFile caFile keyFile; do
    sed -n "s/^\([^#]*[ {,]\)\{0,1\}$key: *[\"']\{0,1\}\([^\"' ,}#]*\).*/\2/p" "$site_config"
  done > "$scratch/named"
  while IFS= read -r file; do
    case $file in
      '' | */* | policy.yaml | agent.env | local.env | release.pub | site.yaml) ;;
      *)
        if [ -f "$folder/$file" ]; then
          cat "$folder/$file" > "$scratch/put"
          put "$settings_folder/$file" 0640 root:$name
        fi
        ;;
    esac
  done < "$scratch/named"
}

environment() {
  cat <<TEXT
# Written by install.sh; put settings of your own into local.env beside it.
TRUFFLE_AGENT_DATA_DIR=/var/lib/$name
TRUFFLE_AGENT_POLICY=/etc/$name/policy.yaml
TRUFFLE_AGENT_READY_FILE=$ready_file
TRUFFLE_AGENT_RELEASE_KEY=/etc/$name/release.pub
TEXT
  [ ! -e "$settings_folder/site.yaml" ] || printf 'TRUFFLE_AGENT_CONFIG=/etc/%s/site.yaml\n' $name
  [ ! -e "$settings_folder/ca.pem" ] || printf 'NODE_EXTRA_CA_CERTS=/etc/%s/ca.pem\n' $name
}

policy() {
  cat <<'TEXT'
# What this site allows, whatever the control plane says. Only root may write here. Every line is optional: what is left out is bounded by
# site.yaml alone. "truffle-agent policy check" reads it as the agent does; a change is in force with the next command.
#
# pools: [truffle]
# vmids: 20000-20999
# limits:
#   servers: 20
#   deletesPerHour: 5
# update: off         # of this program itself; or one version to keep, 1.2.3
exec: on              # off: nothing is run or written on servers
TEXT
}

write_units() {
  changed=no
  unit > "$scratch/put"
  put "$unit_folder/$name.service" 0644 root:root
  update_unit > "$scratch/put"
  put "$unit_folder/$name-update.service" 0644 root:root
  update_path > "$scratch/put"
  put "$unit_folder/$name-update.path" 0644 root:root
  [ $changed = no ] || systemctl daemon-reload
  if [ $changed = yes ]; then ok "unit $name.service"; else same "unit $name.service"; fi
}

unit() {
  cat <<TEXT
[Unit]
Description=Truffle agent
Wants=network-online.target
After=network-online.target
StartLimitIntervalSec=0

[Service]
Type=exec
User=$name
Group=$name
EnvironmentFile=/etc/$name/agent.env
EnvironmentFile=-/etc/$name/local.env
ExecStart=/usr/local/lib/$name/current/$name run
Restart=always
RestartSec=2
# The command line is wrong, another agent has the data folder, the journal is damaged: a person has to look.
RestartPreventExitStatus=2 75 76
TimeoutStopSec=30
StateDirectory=$name
StateDirectoryMode=0700
RuntimeDirectory=$name
RuntimeDirectoryMode=0755
UMask=0077
LimitCORE=0
TasksMax=128

NoNewPrivileges=yes
CapabilityBoundingSet=
AmbientCapabilities=
ProtectSystem=strict
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
DevicePolicy=closed
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
ProtectProc=invisible
PrivateUsers=yes
PrivateIPC=yes
RemoveIPC=yes
KeyringMode=private
LockPersonality=yes
RestrictAddressFamilies=AF_INET AF_INET6 AF_UNIX AF_NETLINK
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @resources
# No MemoryDenyWriteExecute: the program compiles while it runs.

[Install]
WantedBy=multi-user.target
TEXT
}

# The agent can't write its own program: it brings a signed release and asks, and this looks at everything again as root, by the version that
# was ready last.
update_unit() {
  cat <<TEXT
[Unit]
Description=Truffle agent: puts in an update, and takes it out again when it does not get ready
StartLimitIntervalSec=0

[Service]
Type=oneshot
ExecStart=/usr/local/lib/$name/confirmed/$name apply-update
TimeoutStartSec=900
StateDirectory=$name-update
UMask=0022
LimitCORE=0

NoNewPrivileges=yes
CapabilityBoundingSet=CAP_CHOWN CAP_DAC_OVERRIDE CAP_FOWNER CAP_SETGID CAP_SETUID
ProtectSystem=strict
ReadWritePaths=/usr/local/lib/$name -/var/lib/$name
ProtectHome=yes
PrivateTmp=yes
PrivateMounts=yes
PrivateDevices=yes
PrivateNetwork=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
LockPersonality=yes
RestrictAddressFamilies=AF_UNIX
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
SystemCallArchitectures=native
SystemCallErrorNumber=EPERM
SystemCallFilter=@system-service
TEXT
}

update_path() {
  cat <<TEXT
[Unit]
Description=Truffle agent: looks whether it asks for an update, or one was cut off

[Path]
PathExists=/var/lib/$name/update/ask
PathExists=/var/lib/$name-update/trying

[Install]
WantedBy=multi-user.target
TEXT
}

enrol() {
  if [ -f "$data_folder/identity/agent.json" ]; then
    same "enrolled as $(sed -n 's/.*"agentId": *"\([^"]*\)".*/\1/p' "$data_folder/identity/agent.json")"
    return
  fi
  token=${TRUFFLE_JOIN_TOKEN:-}
  if [ -n "$token_file" ]; then
    [ -r "$token_file" ] || fail "$token_file can't be read" 'give the file that holds the join token'
    token=$(cat "$token_file")
  elif [ $token_stdin = yes ]; then
    IFS= read -r token || true
  fi
  [ -n "$token" ] || fail 'there is no join token' 'make one (truffle agent join-token create NAME) and give it by --token-file'
  set -- enroll --server "$server" --data-dir "/var/lib/$name"
  [ -z "$ca_pin" ] || set -- "$@" --ca-pin "$ca_pin"
  [ ! -e "$settings_folder/ca.pem" ] || export NODE_EXTRA_CA_CERTS="$settings_folder/ca.pem"
  # By the environment: a command line is everyone's to read.
  export TRUFFLE_JOIN_TOKEN="$token"
  code=75 tries=20
  # 75: an interrupted run of this script left one behind that is about to end.
  while [ $code = 75 ] && [ $tries -gt 0 ]; do
    code=0
    (cd / && as_agent "$program_folder/$version/$name" "$@") > "$scratch/said" 2>&1 || code=$?
    [ $code != 75 ] || sleep 0.5
    tries=$((tries - 1))
  done
  [ $code = 0 ] || {
    sed -n 's/^truffle-agent: /        /p' "$scratch/said" >&2
    fail 'the agent could not enrol' 'a token is good once and for 15 minutes: make another and run this again'
  }
  unset TRUFFLE_JOIN_TOKEN
  ok "enrolled as $(sed -n 's/.*"agentId": *"\([^"]*\)".*/\1/p' "$data_folder/identity/agent.json")"
  words=$("$program_folder/$version/$name" status --data-dir "$data_folder" 2> /dev/null | sed -n 's/^approval *//p') || words=
  [ -z "$words" ] || note "words to compare where the token wants approval: $words"
}

as_agent() {
  if command -v runuser > /dev/null 2>&1; then
    runuser -u $name -- "$@"
  else
    setpriv --reuid $name --regid $name --clear-groups -- "$@"
  fi
}

start_unit() {
  before=$installed
  # What a person puts in goes before an update that is under way.
  systemctl stop $name-update.path $name-update.service 2> /dev/null || true
  rm -f "$update_folder/trying" "$data_folder/update/ask"
  if [ "$before" != "$version" ]; then
    ln -s "$version" "$program_folder/current.new.$$"
    mv -fT "$program_folder/current.new.$$" "$program_folder/current"
  fi
  [ "$(readlink "$link" 2> /dev/null)" = "$program_folder/current/$name" ] || ln -sfn "$program_folder/current/$name" "$link"
  systemctl is-enabled --quiet $name 2> /dev/null || systemctl enable --quiet $name
  if systemctl is-active --quiet $name && ! is_outdated; then
    same "$name runs"
    return
  fi
  # It finishes or puts down what it is at first; nothing that was begun is done twice.
  systemctl restart $name || fail "$name does not start" "look at: journalctl -u $name -n 50"
  ok "$name started"
  for old in "$program_folder"/*/; do
    case $(basename "$old") in
      current | confirmed | "$version" | "$before") ;;
      *) rm -rf "$old" ;;
    esac
  done
}

# Whether what the unit runs by was changed after it was started, by this run or by one that was interrupted.
is_outdated() {
  started=$(date -d "$(systemctl show -p ExecMainStartTimestamp --value $name)" +%s 2> /dev/null) || return 0
  for each in "$program_folder/current" "$unit_folder/$name.service" "$settings_folder"/*; do
    [ "$(stat -c %Y "$each")" -le "$started" ] || return 0
  done
  return 1
}

await_ready() {
  tries=$((wait_seconds * 5))
  while [ $tries -gt 0 ]; do
    # The file is of the process that runs now: the unit's folder is made anew with each start.
    if [ -f "$ready_file" ]; then
      ok "ready: connected to $server"
      if [ "$(readlink "$program_folder/confirmed" 2> /dev/null)" != "$version" ]; then
        ln -s "$version" "$program_folder/confirmed.new.$$"
        mv -fT "$program_folder/confirmed.new.$$" "$program_folder/confirmed"
      fi
      systemctl is-enabled --quiet $name-update.path 2> /dev/null || systemctl enable --quiet $name-update.path
      systemctl start $name-update.path
      printf 'Done. truffle-agent status shows it, truffle-agent doctor looks for problems, truffle-agent uninstall removes it.\n'
      return
    fi
    systemctl is-active --quiet $name || [ "$(systemctl show -p SubState --value $name)" = auto-restart ] || break
    sleep 0.2
    tries=$((tries - 1))
  done
  printf '  FAIL  the agent is not ready; its last words, and what doctor finds:\n' >&2
  journalctl -u $name -n 5 -o cat --no-pager 2> /dev/null | sed 's/^/        /' >&2 || true
  "$program_folder/$version/$name" doctor 2>&1 | sed 's/^/        /' >&2 || true
  exit 1
}

# --- removing ---------------------------------------------------------------------------------------------------------------------------

remove_everything() {
  if [ -d "$data_folder/identity" ] && [ $yes = no ]; then
    printf 'This stops the agent and destroys its identity, its journal and the secrets made on this site. Type yes to go on: ' > /dev/tty 2> /dev/null ||
      usage 'there is nobody to ask: say --yes to destroy the identity'
    read -r answer < /dev/tty || answer=
    [ "$answer" = yes ] || { printf 'Nothing was changed.\n' && return 0; }
  fi
  agent_id=
  [ ! -f "$data_folder/identity/agent.json" ] || agent_id=$(sed -n 's/.*"agentId": *"\([^"]*\)".*/\1/p' "$data_folder/identity/agent.json")
  if [ -e "$unit_folder/$name.service" ]; then
    systemctl disable --now --quiet $name-update.path 2> /dev/null || true
    systemctl stop $name-update.service 2> /dev/null || true
    systemctl disable --now --quiet $name 2> /dev/null || systemctl stop $name || true
    rm -f "$unit_folder/$name.service" "$unit_folder/$name-update.service" "$unit_folder/$name-update.path"
    systemctl daemon-reload
    systemctl reset-failed $name $name-update.service $name-update.path 2> /dev/null || true
    ok 'unit removed'
  fi
  rm -f "$link"
  rm -rf "$data_folder" "$update_folder" "$settings_folder" "$program_folder" "/run/$name"
  ok 'program, settings and data removed'
  if id $name > /dev/null 2>&1; then
    userdel $name
    if grep -q "^$name:" /etc/group; then groupdel $name; fi
    ok "user $name removed"
  fi
  printf 'Done.%s\n' "${agent_id:+ The control plane still knows it: truffle agent delete NAME ($agent_id).}"
}

# Nothing runs before all of it has come.
main "$@"
