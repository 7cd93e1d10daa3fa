/** A listening TCP port and how it answers. */
export interface Listener {
  port: number;
  protocol: 'http' | 'raw';
  service: string;
}

export interface Unit {
  name: string;
  active: boolean;
  enabled: boolean;
  /** Ports its program serves while active. */
  ports: { port: number; protocol: 'http' | 'raw' }[];
  /** Vanishes when it ends or the guest goes down. */
  transient?: boolean;
  /** "failed" and the exit status of the last run, for transient units. */
  failed?: boolean;
  /** The exit status of its main program. */
  result?: number;
}

export interface ServicesImage {
  packages: string[];
  units: Unit[];
}

interface Program {
  unit: string;
  ports: Unit['ports'];
}

const http = (...ports: number[]): Unit['ports'] => ports.map((port) => ({ port, protocol: 'http' as const }));
const raw = (...ports: number[]): Unit['ports'] => ports.map((port) => ({ port, protocol: 'raw' as const }));

/** Packages that bring a service, which Debian starts at once. */
const PROGRAMS: Readonly<Record<string, Program>> = {
  nginx: { unit: 'nginx', ports: http(80) },
  'nginx-light': { unit: 'nginx', ports: http(80) },
  'nginx-full': { unit: 'nginx', ports: http(80) },
  apache2: { unit: 'apache2', ports: http(80) },
  caddy: { unit: 'caddy', ports: http(80, 443) },
  haproxy: { unit: 'haproxy', ports: http(80) },
  lighttpd: { unit: 'lighttpd', ports: http(80) },
  traefik: { unit: 'traefik', ports: http(80, 8080) },
  postgresql: { unit: 'postgresql', ports: raw(5432) },
  'mariadb-server': { unit: 'mariadb', ports: raw(3306) },
  'mysql-server': { unit: 'mysql', ports: raw(3306) },
  'redis-server': { unit: 'redis-server', ports: raw(6379) },
  redis: { unit: 'redis-server', ports: raw(6379) },
  memcached: { unit: 'memcached', ports: raw(11211) },
  'nats-server': { unit: 'nats-server', ports: raw(4222) },
  'rabbitmq-server': { unit: 'rabbitmq-server', ports: raw(5672) },
  'docker.io': { unit: 'docker', ports: [] },
  'docker-ce': { unit: 'docker', ports: [] },
  containerd: { unit: 'containerd', ports: [] },
  k3s: { unit: 'k3s', ports: http(6443) },
  prometheus: { unit: 'prometheus', ports: http(9090) },
  grafana: { unit: 'grafana-server', ports: http(3000) },
  keepalived: { unit: 'keepalived', ports: [] },
  chrony: { unit: 'chrony', ports: [] },
  'qemu-guest-agent': { unit: 'qemu-guest-agent', ports: [] },
};

/** Packages and services of one guest. */
export class Services {
  readonly packages: Set<string>;
  readonly units = new Map<string, Unit>();

  constructor(image?: ServicesImage) {
    this.packages = new Set(
      image?.packages ?? [
        'openssh-server',
        'systemd',
        'curl',
        'ca-certificates',
        'cloud-init',
        'sudo',
        'python3',
        'jq',
        'gnupg',
        'tar',
        'gzip',
        'openssl',
      ],
    );
    for (const unit of image?.units ?? [{ name: 'ssh', active: true, enabled: true, ports: raw(22) }])
      this.units.set(unit.name, unit);
  }

  /** After power on: what is enabled runs, what was transient is gone. */
  boot(): void {
    for (const unit of this.units.values()) {
      if (unit.transient === true) this.units.delete(unit.name);
      else unit.active = unit.enabled;
    }
  }

  install(name: string): void {
    const bare = name.split('=')[0] ?? name;
    this.packages.add(bare);
    const program = PROGRAMS[bare] ?? (/^postgresql-\d+$/.test(bare) ? PROGRAMS['postgresql'] : undefined);
    if (program === undefined) return;
    const known = this.units.get(program.unit);
    this.units.set(program.unit, {
      name: program.unit,
      active: true,
      enabled: true,
      ports: known?.ports ?? program.ports,
    });
  }

  remove(name: string): void {
    this.packages.delete(name);
    const program = PROGRAMS[name];
    if (program !== undefined) this.units.delete(program.unit);
  }

  unit(name: string): Unit | undefined {
    return this.units.get(bareName(name));
  }

  /** Declares a unit, as a unit file does. */
  declare(name: string, ports: Unit['ports'] = []): Unit {
    const bare = bareName(name);
    const known = this.units.get(bare);
    if (known !== undefined) {
      if (ports.length > 0) known.ports = ports;
      return known;
    }
    const unit: Unit = { name: bare, active: false, enabled: false, ports };
    this.units.set(bare, unit);
    return unit;
  }

  /** Opens a port without a package: a program that a script starts. */
  listen(service: string, port: number, protocol: 'http' | 'raw'): void {
    const unit = this.declare(service);
    if (!unit.ports.some((one) => one.port === port)) unit.ports = [...unit.ports, { port, protocol }];
    unit.active = true;
    unit.enabled = true;
  }

  /** What listens on a port now. */
  listener(port: number): Listener | undefined {
    for (const unit of this.units.values()) {
      const found = unit.active ? unit.ports.find((one) => one.port === port) : undefined;
      if (found !== undefined) return { ...found, service: unit.name };
    }
    return undefined;
  }

  image(): ServicesImage {
    return { packages: [...this.packages], units: [...this.units.values()] };
  }
}

/** `nginx.service` is `nginx`. */
export function bareName(name: string): string {
  return name.replace(/\.service$/, '');
}
