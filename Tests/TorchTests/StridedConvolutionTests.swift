import Foundation
import Settings
import Testing
import Torch

/// Convolutions of at least eight images whose channels fill vectors go their own way where the processor has AVX-512;
/// of fewer, they go libtorch's.
@Suite struct StridedConvolutionTests {
  struct Case: CustomTestStringConvertible {
    let inputs, outputs, kernel, stride, count, height, width: Int
    var testDescription: String {
      "\(inputs) to \(outputs) channels, kernel \(kernel), stride \(stride), \(count) of \(height)×\(width)"
    }
  }
  /// One, two and three vectors of channels; blocks of eight images with and without others left over, pairs with and
  /// without one; a kernel that leaves the last row or column alone; strides that leave gaps between pixels, that do
  /// not, and of one.
  static let cases = [
    Case(inputs: 16, outputs: 48, kernel: 4, stride: 2, count: 8, height: 9, width: 6),
    Case(inputs: 48, outputs: 32, kernel: 4, stride: 2, count: 13, height: 6, width: 11),
    Case(inputs: 32, outputs: 16, kernel: 5, stride: 2, count: 17, height: 5, width: 7),
    Case(inputs: 64, outputs: 96, kernel: 3, stride: 1, count: 10, height: 4, width: 5),
    Case(inputs: 16, outputs: 16, kernel: 2, stride: 3, count: 11, height: 8, width: 7),
    Case(inputs: 96, outputs: 16, kernel: 6, stride: 2, count: 90, height: 6, width: 8),
  ]

  /// What comes out for some images, and the gradients of a weighted sum of it with respect to them, the weight and the
  /// bias.
  private typealias Results = (y: Tensor, x: Tensor, parameters: [Tensor])

  private func results(_ layer: Module, _ x: Tensor, _ weights: Tensor, _ run: (Tensor) -> Tensor) throws -> Results {
    let x = x.detached().requiringGradient()
    let y = run(x)
    let found = try gradients(of: (y.to(.float32) * weights).sum(), withRespectTo: [x] + layer.parameters).map {
      try #require($0)
    }
    return (y.detached(), found[0], Array(found.dropFirst()))
  }

  /// The same by libtorch: four images at a time.
  private func expected(_ layer: Module, _ x: Tensor, _ weights: Tensor, _ run: (Tensor) -> Tensor) throws -> Results {
    let parts = try stride(from: 0, to: x.shape[0], by: 4).map { first in
      let some = first..<min(first + 4, x.shape[0])
      return try results(layer, x.sliced(some), weights.sliced(some), run)
    }
    let parameters = parts.dropFirst().reduce(parts[0].parameters) { zip($0, $1.parameters).map { $0 + $1 } }
    return (concatenated(parts.map(\.y), axis: 0), concatenated(parts.map(\.x), axis: 0), parameters)
  }

  private func check(_ a: Case, _ layer: Module, bias: Parameter, _ call: @escaping (Tensor, Activation) -> Tensor)
    throws
  {
    let random = RandomSource(Seed(8))
    bias.assign(.normal(bias.shape, using: random))
    let x = Tensor.normal([a.count, a.inputs, a.height, a.width], using: random)
    for activation in [Activation.identity, .elu, .relu] {
      let run = { call($0, activation) }
      let weights = Tensor.normal(run(x.sliced(0..<1)).shape.replacing(a.count), using: random)
      let wanted = try expected(layer, x, weights, run)
      let found = try results(layer, x, weights, run)
      let rounded = try results(layer, x, weights) { x in computing(in: .bf16) { run(x) } }
      #expect(rounded.y.type == .bfloat16)
      expectClose(rounded.y.to(.float32), wanted.y, share: 0.02)
      // Of a result that is about 0, rounding turns ReLU's slope from 0 to 1.
      for (all, share) in activation == .relu ? [(found, 1e-5)] : [(found, 1e-5), (rounded, 0.02)] {
        expectClose(all.y.to(.float32), wanted.y, share: share)
        expectClose(all.x, wanted.x, share: share)
        for (gradient, wanted) in zip(all.parameters, wanted.parameters) { expectClose(gradient, wanted, share: share) }
      }
    }
  }

  @Test(arguments: cases) func isTheGeneralOne(_ a: Case) throws {
    let layer = Convolution(a.inputs, a.outputs, kernel: a.kernel, stride: a.stride, using: RandomSource(Seed(9)))
    try check(a, layer, bias: layer.bias) { layer($0, then: $1) }
  }

  @Test(arguments: cases) func transposedIsTheGeneralOne(_ a: Case) throws {
    let layer = TransposedConvolution(
      a.inputs, a.outputs, kernel: a.kernel, stride: a.stride, using: RandomSource(Seed(9)))
    try check(a, layer, bias: layer.bias) { layer($0, then: $1) }
  }

  /// Through a kernel of one pixel that hands numbers on: of ELU, eˣ − 1 to some units in the last place however small
  /// x is, and what is no number stays none.
  @Test func activationsAreExact() {
    let layer = Convolution(16, 16, kernel: 1, stride: 1, using: RandomSource(Seed(1)))
    layer.weight.assign(Tensor((0..<16).map { Int64($0) }, [16]).oneHot(16).reshaped(16, 16, 1, 1))
    let numbers: [Float] = [-1e30, -88, -20.5, -17, -3, -1, -0.7, -0.35, -1e-2, -1e-4, -1e-7, -1e-30, 0, 1e-7, 3, 1e30]
    let x = Tensor((0..<8).flatMap { _ in numbers }, [8, 16, 1, 1])
    let elu: [Float] = layer(x, then: .elu).values(), relu: [Float] = layer(x, then: .relu).values()
    for (found, number) in zip(elu, numbers) {
      let exact = number < 0 ? Float(expm1(Double(number))) : number
      #expect(abs(found - exact) <= 4 * exact.ulp, "elu(\(number)) is \(found)")
    }
    #expect(Array(relu[..<16]) == numbers.map { max(0, $0) })
    let bad: [Float] = layer(Tensor([Float](repeating: .nan, count: 128), [8, 16, 1, 1]), then: .elu).values()
    #expect(bad.count { $0.isNaN } == bad.count)
  }

  /// Two in a row, whose gradients are made in place, of a sum, whose gradient is one number for all, against four
  /// images at a time.
  @Test(arguments: [Precision.f32, .bf16]) func handOnGradients(precision: Precision) throws {
    let random = RandomSource(Seed(3))
    let (one, two) = (
      Convolution(16, 32, kernel: 2, stride: 1, using: random),
      TransposedConvolution(32, 16, kernel: 3, stride: 2, using: random)
    )
    let x = Tensor.normal([12, 16, 4, 4], using: random)
    let slopes = { (x: Tensor, precision: Precision) in
      let x = x.detached().requiringGradient()
      let y = computing(in: precision) { two(one(x, then: .elu), then: .elu) }
      return try gradients(of: y.to(.float32).sum(), withRespectTo: [x] + one.parameters + two.parameters).map {
        try #require($0)
      }
    }
    let parts = try stride(from: 0, to: 12, by: 4).map { try slopes(x.sliced($0..<$0 + 4), .f32) }
    let expected =
      [concatenated(parts.map { $0[0] }, axis: 0)]
      + (1..<5).map { i in parts.dropFirst().reduce(parts[0][i]) { $0 + $1[i] } }
    for (found, wanted) in zip(try slopes(x, precision), expected) {
      expectClose(found, wanted, share: precision == .f32 ? 1e-5 : 0.02)
    }
  }

  /// In a process of its own, as the number of threads is one for all of it.
  @Test func doNotDependOnTheNumberOfThreads() async {
    await #expect(processExitsWith: .success) {
      let layer = Convolution(48, 96, kernel: 4, stride: 2, using: RandomSource(Seed(4)))
      let x = Tensor.normal([27, 48, 14, 14], using: RandomSource(Seed(5))).requiringGradient()
      for precision in [Precision.f32, .bf16] {
        let bits = [1, 2, 3].map { count in
          Libtorch.threads = count
          let y = computing(in: precision) { layer(x, then: .elu) }
          let found = gradients(of: y.to(.float32).squared().sum(), withRespectTo: [x] + layer.parameters)
          return [y.to(.float32).values(as: Float.self)] + found.map { $0!.values(as: Float.self) }
        }
        precondition(bits[1] == bits[0] && bits[2] == bits[0])
      }
    }
  }

  /// What is frozen in bf16 computes as if its weights were rounded, by whichever way its layers go: one frame, a few,
  /// and many; frames of one channel, and a single pixel; in autocast too.
  @Test(arguments: [1, 3, 9], [Precision.f32, .bf16]) func takeWeightsFromHalfPrecision(
    count: Int, precision: Precision
  ) {
    let random = RandomSource(Seed(6))
    let (convolutions, sides) = (
      [
        Convolution(1, 16, kernel: 4, stride: 2, using: random),
        Convolution(16, 32, kernel: 4, stride: 2, using: random),
      ], [10, 31]
    )
    let transposed = [(32, 16, 5, 4), (16, 1, 6, 4), (32, 16, 5, 1)].map {
      (TransposedConvolution($0, $1, kernel: $2, stride: 2, using: random), $3)
    }
    func check(_ layer: Module, _ weight: Parameter, _ x: Tensor, _ call: (Tensor) -> Tensor) {
      let rounded = weight.detached().to(.bfloat16).to(.float32)
      weight.assign(rounded)
      let expected = noGrad { call(x) }
      layer.freeze(computingIn: .bf16)
      #expect(weight.type == .bfloat16)
      let found = computing(in: precision) { noGrad { call(x) } }
      expectClose(found.to(.float32), expected, share: precision == .f32 ? 1e-5 : 0.02)
    }
    for (layer, side) in zip(convolutions, sides) {
      check(layer, layer.weight, .normal([count, layer.weight.shape[1], side, side], using: random)) {
        layer($0, then: .elu)
      }
    }
    for (layer, side) in transposed {
      check(layer, layer.weight, .normal([count, layer.weight.shape[0], side, side], using: random)) {
        layer($0, then: .elu)
      }
    }
  }

  /// A gradient that others still need is left as it is.
  @Test func leavesOthersGradientsAlone() throws {
    let random = RandomSource(Seed(2))
    let layer = Convolution(16, 16, kernel: 2, stride: 1, using: random)
    let x = Tensor.normal([8, 16, 3, 3], using: random)
    let other = Tensor.normal([8, 16, 2, 2], using: random).requiringGradient()
    let sum = layer(x, then: .relu) + other
    let found = gradients(of: sum.squared().sum(), withRespectTo: [layer.weight, other])
    expectClose(try #require(found[1]), 2 * sum.detached(), tolerance: 1e-5)
  }
}

extension [Int] {
  /// The shape of so many images.
  fileprivate func replacing(_ count: Int) -> [Int] { [count] + dropFirst() }
}
