/** What a new template begins with: the least that can be deployed. */
export const starter = `apiVersion: truffle.dev/v1
kind: Template
metadata:
  name: my-template
  version: 0.1.0
  title: My template
  summary: What one gets, in one sentence.
  license: Apache-2.0

parameters:
  count: { type: integer, title: Servers, minimum: 1, maximum: 5, default: 1 }

servers:
  web:
    count: \${{ params.count }}
    image: debian-12
    cpu: 1
    memory: 1GiB
    disk: 10GiB

deployments:
  web:
    on: [web]
    steps:
      - name: hello
        run: |
          set -eu
          echo hello > /etc/motd

outputs:
  addresses: "\${{ servers.web.map(s, s.address).join(' ') }}"
`;
