import { request as requestHttp, type IncomingHttpHeaders } from 'node:http';
import { request as requestHttps } from 'node:https';
import type { Socket } from 'node:net';
import { failed, ok, reasonOf, skipped, warning, type Check } from './check.ts';
import { dialTcp, issuerOf, shakeHands, within, type Shown } from './dial.ts';

/** Certificates are refused beyond what clocks may differ by. */
const clockBad = 300_000;
const clockDoubtful = 30_000;

/** The control plane's origin, where agents enrol, recover and find releases: name, connection, TLS, answer, and this machine's clock. */
export async function checkOrigin(server: string | undefined, wallMs: () => number): Promise<readonly Check[]> {
  if (server === undefined) return [skipped('origin', 'not known: the agent is not enrolled; give --server')];
  if (!URL.canParse(server) || !/^https?:$/.test(new URL(server).protocol))
    return [failed('origin', `${server} is no origin`, 'Write it as https://host or https://host:port.')];
  const url = new URL(server);
  const isSecure = url.protocol === 'https:';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const { checks, socket } = await dialTcp('origin', host, Number(url.port) || (isSecure ? 443 : 80));
  if (socket === undefined) return [...checks, skipped('origin: answer', 'not reached')];
  const secured = isSecure ? await secure(socket, host) : plain(host);
  const all = [...checks, secured.check];
  if (secured.check.state === 'failed') {
    socket.destroy();
    return [...all, ...(await clockOf(url, wallMs))];
  }
  socket.destroy();
  return [...all, ...(await answerOf(url, wallMs))];
}

const loopback = /^(?:127\.|localhost$|::1$)/;

const plain = (host: string): { readonly check: Check } => ({
  check: loopback.test(host)
    ? ok('origin: TLS', 'none is needed on this machine itself')
    : failed(
        'origin: TLS',
        'the origin is not https: tokens and programs go in the clear',
        'Give the origin as https://…',
      ),
});

async function secure(socket: Socket, host: string): Promise<{ readonly check: Check }> {
  const name = 'origin: TLS';
  let shown: Shown;
  try {
    shown = await shakeHands(socket, { servername: /^[\d.]+$|:/.test(host) ? '' : host, host });
  } catch (error) {
    const remedy = 'Something else than the control plane answers there, or a proxy ends the connection.';
    return { check: failed(name, `no TLS was spoken (${reasonOf(error)})`, remedy) };
  }
  const { certificate, problem } = shown;
  shown.socket.destroy();
  if (problem === undefined)
    return { check: ok(name, `trusted, from ${issuerOf(certificate)}, until ${certificate.valid_to}`) };
  return {
    check: failed(
      name,
      `its certificate is not trusted (${problem}); it is from ${issuerOf(certificate)}`,
      tlsRemedy(problem),
    ),
  };
}

function tlsRemedy(problem: string): string {
  switch (problem) {
    case 'CERT_NOT_YET_VALID':
      return 'This machine’s clock is behind (timedatectl), or the certificate is for later.';
    case 'CERT_HAS_EXPIRED':
      return 'The certificate has ended and wants renewing, or this machine’s clock is ahead (timedatectl).';
    case 'ERR_TLS_CERT_ALTNAME_INVALID':
      return 'The certificate is for another name: use the name that it is for, or look who answers here.';
    default:
      return 'If the control plane’s certificate is of your own authority, name that: NODE_EXTRA_CA_CERTS=FILE (install.sh --ca-file). If the issuer is a proxy of yours that opens TLS, let this origin pass it.';
  }
}

async function answerOf(url: URL, wallMs: () => number): Promise<readonly Check[]> {
  const name = 'origin: answer';
  try {
    const { status, headers } = await head(new URL('/healthz', url), true);
    const isOurs = status === 200 && headers['content-security-policy'] !== undefined;
    return [
      isOurs
        ? ok(name, 'the control plane answers')
        : failed(
            name,
            `${url.origin}/healthz answers ${status}, which is not the control plane’s answer`,
            'Look at the address, and at proxies in between.',
          ),
      clock(headers.date, wallMs()),
    ];
  } catch (error) {
    return [
      failed(
        name,
        `no answer came (${reasonOf(error)})`,
        'Look whether the control plane is well, and at proxies in between.',
      ),
    ];
  }
}

/** The clock matters most where the certificate is not trusted: it is the commonest cause. Nothing else of such an answer is believed. */
async function clockOf(url: URL, wallMs: () => number): Promise<readonly Check[]> {
  try {
    return [clock((await head(new URL('/healthz', url), false)).headers.date, wallMs())];
  } catch {
    return [];
  }
}

function clock(date: string | undefined, nowMs: number): Check {
  const theirs = Date.parse(date ?? '');
  if (Number.isNaN(theirs)) return skipped('clock', 'the origin does not say what time it is');
  const apart = nowMs - theirs;
  const text = `${Math.abs(Math.round(apart / 1000))} s ${apart < 0 ? 'behind' : 'ahead of'} the control plane`;
  if (Math.abs(apart) < clockDoubtful) return ok('clock', 'agrees with the control plane');
  const remedy = 'Set the clock and keep it so: timedatectl set-ntp true.';
  return Math.abs(apart) < clockBad
    ? warning('clock', text, remedy)
    : failed('clock', `${text}: certificates seem invalid`, remedy);
}

function head(url: URL, trusted: boolean): Promise<{ readonly status: number; readonly headers: IncomingHttpHeaders }> {
  const { promise, resolve, reject } = Promise.withResolvers<{ status: number; headers: IncomingHttpHeaders }>();
  const options = { method: 'GET', agent: false, timeout: 10_000 } as const;
  const request =
    url.protocol === 'https:'
      ? requestHttps(url, { ...options, rejectUnauthorized: trusted })
      : requestHttp(url, options);
  request.once('response', (response) => {
    resolve({ status: response.statusCode ?? 0, headers: response.headers });
    response.destroy();
  });
  request.once('error', reject);
  request.once('timeout', () => request.destroy(new Error('no answer within 10 s')));
  request.end();
  return within(promise);
}
