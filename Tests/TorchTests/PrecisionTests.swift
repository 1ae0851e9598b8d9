import Settings
import Testing

@testable import Torch

@Suite struct PrecisionTests {
  @Test func computesProductsInHalfPrecisionOnlyWhereAsked() {
    let random = RandomSource(Seed(0))
    let (layer, x) = (Linear(64, 8, using: random), Tensor.normal([16, 64], using: random))
    let whole = layer(x)
    let half = computing(in: .bf16) { layer(x) }
    #expect(whole.type == .float32 && half.type == .bfloat16 && layer(x).type == .float32)
    let error = (half.to(.float32) - whole).abs().reshaped(-1).max(over: 0).item
    #expect(error > 0 && error < 0.05)
  }

  /// What the gates make of rounded products is not rounded again: where all is new, the next state has more digits
  /// than bf16.
  @Test func computesGatesWhole() {
    let random = RandomSource(Seed(2))
    let (cell, x, h) = (
      GRUCell(8, 16, using: random), Tensor.normal([5, 8], using: random), Tensor.normal([5, 16], using: random)
    )
    cell.inputBias.assign(concatenated([.zeros([16]), .full([16], -1000), .zeros([16])], axis: 0))
    let (whole, half) = (cell(x, h), computing(in: .bf16) { cell(x, h) })
    #expect(half.type == .float32 && (half - half.to(.bfloat16).to(.float32)).abs().sum().item > 0)
    #expect((half - whole).abs().reshaped(-1).max(over: 0).item < 0.02)
  }

  @Test func keepsParametersTheirGradientsAndDistributionsWhole() {
    let layer = Linear(8, 4, using: RandomSource(Seed(1)))
    let entropy = computing(in: .bf16) { Categorical(logits: layer(.ones([2, 8], on: .cpu))).entropy }
    #expect(entropy.type == .float32 && layer.weight.type == .float32)
    #expect(gradients(of: entropy.sum(), withRespectTo: [layer.weight])[0]?.type == .float32)
  }
}

@Suite struct FailureTests {
  /// What libtorch refuses is a mistake in the program, which ends; it says which operation, and on what.
  @Test func namesTheOperationAndItsOperands() async throws {
    let outcome = try #require(
      await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
        _ = Tensor.ones([2, 3], on: .cpu).matmul(.ones([4, 5], on: .cpu))
      })
    let message = String(decoding: outcome.standardErrorContent, as: UTF8.self)
    for part in ["matrix product", "[2, 3]", "[4, 5]"] { #expect(message.contains(part), "\(message)") }
  }

  /// Ways of our own, which libtorch does not look after, read nothing behind what they are given.
  @Test func refuseOperandsThatDoNotFit() async {
    await #expect(processExitsWith: .failure) { _ = Linear(3, 5, using: RandomSource(Seed(1)))(.ones([2, 4])) }
    await #expect(processExitsWith: .failure) {
      _ = noGrad { SparseLinear(3, 5, using: RandomSource(Seed(1)))(.ones([2, 4])) }
    }
    await #expect(processExitsWith: .failure) {
      _ = noGrad { Convolution(3, 8, kernel: 4, stride: 2, using: RandomSource(Seed(1)))(.ones([1, 4, 8, 8])) }
    }
    await #expect(processExitsWith: .success) {
      _ = Linear(3, 5, using: RandomSource(Seed(1)))(.ones([2, 3]))
      _ = noGrad { SparseLinear(3, 5, using: RandomSource(Seed(1)))(.ones([2, 3])) }
      _ = noGrad { Convolution(3, 8, kernel: 4, stride: 2, using: RandomSource(Seed(1)))(.ones([1, 3, 8, 8])) }
    }
  }
}
