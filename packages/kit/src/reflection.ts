import { clone, toBinary, type DescFile, type DescService } from '@bufbuild/protobuf';
import { nestedTypes } from '@bufbuild/protobuf/reflect';
import { FileDescriptorProtoSchema } from '@bufbuild/protobuf/wkt';
import { Code, type ConnectRouter } from '@connectrpc/connect';
import { Health } from '@truffle/api/grpc/health/v1/health';
import { ServerReflection } from '@truffle/api/grpc/reflection/v1/reflection';
import { ServerReflection as ServerReflectionAlpha } from '@truffle/api/grpc/reflection/v1alpha/reflection';

/** What is asked, in `v1` and `v1alpha` alike: their messages differ by name only. */
type Question =
  | { case: 'fileByFilename'; value: string }
  | { case: 'fileContainingSymbol'; value: string }
  | { case: 'fileContainingExtension'; value: { containingType: string; extensionNumber: number } }
  | { case: 'allExtensionNumbersOfType'; value: string }
  | { case: 'listServices'; value: string }
  | { case: undefined; value?: undefined };

/**
 * Serves gRPC server reflection, v1 and v1alpha, about `services`, the health service and itself: those services, the files that
 * declare them and what these import. Services that share a file with one of them but are not in the list do not show.
 */
export function registerReflection(router: ConnectRouter, services: readonly DescService[]): void {
  const index = new Index([...services, Health, ServerReflection, ServerReflectionAlpha]);
  async function* answers(requests: AsyncIterable<{ host: string; messageRequest: Question }>) {
    const sent = new Set<string>();
    for await (const request of requests)
      yield {
        validHost: request.host,
        originalRequest: { host: request.host, messageRequest: request.messageRequest },
        messageResponse: index.answer(request.messageRequest, sent),
      };
  }
  router.service(ServerReflection, { serverReflectionInfo: answers });
  router.service(ServerReflectionAlpha, { serverReflectionInfo: answers });
}

class Index {
  readonly #names: readonly string[];
  readonly #files = new Map<string, DescFile>();
  readonly #symbols = new Map<string, DescFile>();
  /** By extended message, then by field number. */
  readonly #extensions = new Map<string, Map<number, DescFile>>();

  constructor(services: readonly DescService[]) {
    this.#names = services.map((s) => s.typeName).toSorted();
    for (const service of services) this.#add(service.file);
  }

  #add(file: DescFile): void {
    const name = file.proto.name;
    if (this.#files.has(name)) return;
    this.#files.set(name, file);
    for (const type of nestedTypes(file)) {
      if (type.kind === 'service') {
        if (!this.#names.includes(type.typeName)) continue;
        for (const method of type.methods) this.#symbols.set(`${type.typeName}.${method.name}`, file);
      }
      if (type.kind === 'extension') {
        const numbers = this.#extensions.get(type.extendee.typeName) ?? new Map<number, DescFile>();
        this.#extensions.set(type.extendee.typeName, numbers.set(type.number, file));
      }
      this.#symbols.set(type.typeName, file);
    }
    for (const dependency of file.dependencies) this.#add(dependency);
  }

  answer(question: Question, sent: Set<string>) {
    switch (question.case) {
      case 'listServices':
        return { case: 'listServicesResponse' as const, value: { service: this.#names.map((name) => ({ name })) } };
      case 'fileByFilename':
        return this.#found(this.#files.get(question.value), question.value, sent);
      case 'fileContainingSymbol':
        return this.#found(this.#symbols.get(question.value.replace(/^\./, '')), question.value, sent);
      case 'fileContainingExtension': {
        const { containingType, extensionNumber } = question.value;
        return this.#found(
          this.#extensions.get(containingType)?.get(extensionNumber),
          `${containingType} ${extensionNumber}`,
          sent,
        );
      }
      case 'allExtensionNumbersOfType': {
        const numbers = [...(this.#extensions.get(question.value)?.keys() ?? [])];
        if (numbers.length === 0 && !this.#symbols.has(question.value))
          return failed(Code.NotFound, `${question.value} is not known`);
        return {
          case: 'allExtensionNumbersResponse' as const,
          value: { baseTypeName: question.value, extensionNumber: numbers },
        };
      }
      case undefined:
        return failed(Code.InvalidArgument, 'the request asks nothing');
    }
  }

  /** `file` and what it imports, but for the files that this stream has had already. */
  #found(file: DescFile | undefined, what: string, sent: Set<string>) {
    if (file === undefined) return failed(Code.NotFound, `${what} is not known`);
    const bytes: Uint8Array[] = [];
    const visit = (next: DescFile, wanted: boolean): void => {
      if (sent.has(next.proto.name) && !wanted) return;
      sent.add(next.proto.name);
      bytes.push(this.#bytesOf(next));
      for (const dependency of next.dependencies) visit(dependency, false);
    };
    visit(file, true);
    return { case: 'fileDescriptorResponse' as const, value: { fileDescriptorProto: bytes } };
  }

  #bytesOf(file: DescFile): Uint8Array {
    const proto = clone(FileDescriptorProtoSchema, file.proto);
    proto.service = proto.service.filter((s) =>
      this.#names.includes(proto.package === '' ? s.name : `${proto.package}.${s.name}`),
    );
    return toBinary(FileDescriptorProtoSchema, proto);
  }
}

const failed = (errorCode: Code, errorMessage: string) => ({
  case: 'errorResponse' as const,
  value: { errorCode, errorMessage },
});
