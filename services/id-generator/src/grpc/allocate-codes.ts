import { IdGeneratorService } from '@linkfleet/contracts/generated/linkfleet/ids/v1/ids'
import { type GrpcService, grpcService } from '@linkfleet/runtime/grpc-server'
import type { AllocateCodes } from '../domain/allocate-codes.ts'

export function idGeneratorService(
  allocateCodes: AllocateCodes,
  onAllocated: (codes: number) => void,
): GrpcService {
  return grpcService(IdGeneratorService, {
    async allocateCodes({ count }, { signal }) {
      const codes = await allocateCodes(count, signal)
      onAllocated(codes.length)
      return { codes }
    },
  })
}
