/** A small template that holds, for tests to break in one place. */
export const sampleSource = `apiVersion: truffle.dev/v1
kind: Template
metadata: { name: postgres-ha, version: 1.4.0, title: PostgreSQL HA, summary: A database. }
parameters:
  replicas: { type: integer, minimum: 1, maximum: 5, default: 2 }
  database: { type: string, pattern: "^[a-z]+$", default: app }
  password: { type: string, secret: true, generate: { length: 32 } }
servers:
  primary: { count: 1, image: debian-12, cpu: 2, memory: 4GiB, disk: 40GiB, networks: [{ name: lan }] }
  replica:
    count: \${{ params.replicas }}
    image: debian-12
    cpu: 2
    memory: 4GiB
    disk: 40GiB
    scale: { min: 1, max: 5, metric: cpu, target: 70 }
deployments:
  database:
    on: [primary, replica]
    rollout: { strategy: rolling, batch: 2, order: [primary, replica] }
    files:
      - path: /etc/db.conf
        content: |
          name = \${{ params.database }}
          password = \${{ params.password }}
        notify: restart
    steps:
      - { name: install, run: "apt-get install -y postgresql" }
      - name: join
        when: \${{ server.role == 'replica' }}
        env: { PRIMARY: "\${{ servers.primary[0].address }}", PGPASSWORD: "\${{ params.password }}" }
        run: join "$PRIMARY"
      - { name: restart, run: systemctl restart postgresql, timeout: 90s, idempotent: false }
    health: { tcp: 5432, timeout: 60s }
outputs:
  url: "postgres://\${{ servers.primary[0].address }}:5432/\${{ params.database }}"
  dsn: { value: "\${{ outputs.url }}?password=\${{ params.password }}", sensitive: true }
`;

/** The sample with one piece replaced. @throws when the piece is not there, as the test would then prove nothing */
export function sampleWith(piece: string, by: string): string {
  if (!sampleSource.includes(piece)) throw new Error(`the sample holds no ${piece}`);
  return sampleSource.replace(piece, () => by);
}

/** 1-based line and column of the first occurrence of `piece`. */
export function placeOf(source: string, piece: string): { line: number; column: number } {
  const lines = source.slice(0, source.indexOf(piece)).split('\n');
  return { line: lines.length, column: (lines.at(-1) ?? '').length + 1 };
}
