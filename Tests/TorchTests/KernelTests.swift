import Foundation
import Settings
import Testing
import Torch

/// Kernels of our own compute what libtorch computes on other devices.
@Suite struct KernelTests {
  /// For each kernel a piece of work that it is for, without gradients; what comes out, in float32.
  private static let works: [String: @Sendable () -> Tensor] = [
    "gemv": { linear(rows: 3) },
    "onednn_linear": { linear(rows: 40) },
    "packed_gemm": { recurrence() },
    "sparse_linear": {
      let z = Tensor((0..<6).map { Int64($0 % 4) }, [6]).oneHot(4)
      return SparseLinear(4, 20, using: RandomSource(Seed(1)))(z)
    },
    "patch_gemv": {
      Convolution(3, 16, kernel: 4, stride: 2, using: RandomSource(Seed(1)))(
        .normal([1, 3, 9, 8], using: RandomSource(Seed(2))), then: .elu)
    },
    "first_convolution": {
      Convolution(1, 16, kernel: 4, stride: 2, using: RandomSource(Seed(1)))(
        .normal([5, 1, 9, 8], using: RandomSource(Seed(2))), then: .elu)
    },
    "strided_convolution": {
      let (random, x) = (RandomSource(Seed(1)), Tensor.normal([9, 16, 64, 12], using: RandomSource(Seed(2))))
      return TransposedConvolution(32, 16, kernel: 5, stride: 2, using: random)(
        Convolution(16, 32, kernel: 4, stride: 2, using: random)(x, then: .relu), then: .elu)
    },
    "gru_gates": {
      let random = RandomSource(Seed(1))
      return GRUCell(8, 32, using: random)(.normal([7, 8], using: random), tanh(.normal([7, 32], using: random)))
    },
    // Other numbers of the same law: the means of many are the same.
    "exponential": { Tensor.exponential([400, 1000], using: RandomSource(Seed(1))).mean() },
  ]

  private static func linear(rows: Int) -> Tensor {
    let random = RandomSource(Seed(1))
    return Linear(33, 20, using: random)(.normal([rows, 33], using: random))
  }

  private static func recurrence() -> Tensor {
    let (random, steps, batch, d, n, groups, classes) = (RandomSource(Seed(1)), 3, 5, 16, 12, 2, 4)
    let (h, z, logits) = unroll(
      GRUCell(n, d, using: random), stochastic: SparseLinear(groups * classes, n, using: random),
      LayerNorm(n, on: .cpu), hidden: Linear(d, n, using: random),
      LayerNorm(n, on: .cpu), logits: Linear(n, groups * classes, using: random),
      actionShares: .normal([steps, batch, n], using: random),
      embedded: .normal([steps, batch, n], using: random), notFirst: nil, exponentialNoise: nil, h: .zeros([batch, d]),
      z: .zeros([batch, groups * classes]), groups: groups)
    return concatenated([h, z, logits], axis: -1)
  }

  private func runs(of name: String) throws -> Int { try #require(Libtorch.kernels.first { $0.name == name }).runs }

  @Test(.enabled(if: Libtorch.usesKernels), arguments: Libtorch.kernels.map(\.name))
  func computesWhatItsCounterpartDoes(name: String) throws {
    let work = try #require(Self.works[name], "no work is for the kernel '\(name)'")
    let kernel = try #require(Libtorch.kernels.first { $0.name == name })
    let found = noGrad(work)
    #expect(try runs(of: name) > kernel.runs || kernel.processor != "any", "'\(name)' did not run")
    let before = Libtorch.kernels.map(\.runs)
    let expected = Libtorch.withoutKernels { noGrad(work) }
    #expect(Libtorch.kernels.map(\.runs) == before, "kernels ran that are off")
    expectClose(found, expected, share: name == "exponential" ? 0.01 : 1e-5)
  }

  @Test func areInTheDocumentation() throws {
    let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/performance.md")
    let lines = try String(contentsOf: page.standardizedFileURL, encoding: .utf8).split(separator: "\n")
    for kernel in Libtorch.kernels {
      #expect(
        lines.contains { $0.hasPrefix("| `\(kernel.name)` | \(kernel.operands) | \(kernel.processor) |") }, "\(kernel)")
    }
  }

  @Test func comeBackWhenTheirAbsenceEnds() {
    let before = Libtorch.usesKernels
    Libtorch.withoutKernels { #expect(!Libtorch.usesKernels) }
    #expect(Libtorch.usesKernels == before)
  }
}
