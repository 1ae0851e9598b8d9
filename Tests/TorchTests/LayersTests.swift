import Settings
import Testing
import Torch

@Suite struct LayersTests {
  /// 16 outputs and 48 go the fast way, 5 do not.
  @Test(arguments: [16, 48, 5], [1, 3, 4]) func convolutionOfFewChannelsIsTheGeneralOne(outputs: Int, channels: Int)
    throws
  {
    let random = RandomSource(Seed(3))
    let (few, five) = (
      Convolution(channels, outputs, kernel: 4, stride: 2, using: random),
      Convolution(5, outputs, kernel: 4, stride: 2, using: random)
    )
    few.bias.assign(.normal([outputs], using: random))
    five.bias.assign(few.bias)
    five.weight.assign(concatenated([few.weight, .ones([outputs, 5 - channels, 4, 4])], axis: 1))
    let x = Tensor.normal([67, channels, 11, 8], using: random)
    // Further channels of zeros add nothing.
    let general = { five(concatenated([x, .zeros([67, 5 - channels, 11, 8])], axis: 1), then: .elu) }
    #expect(few(x).shape == [67, outputs, 4, 3])
    expectClose(few(x, then: .elu), general(), tolerance: 1e-5)

    let found = gradients(of: few(x, then: .elu).squared().sum(), withRespectTo: [few.weight, few.bias])
    let expected = gradients(of: general().squared().sum(), withRespectTo: [five.weight, five.bias])
    expectClose(try #require(found[0]), try #require(expected[0]).sliced(0..<channels, axis: 1), tolerance: 5e-3)
    expectClose(try #require(found[1]), try #require(expected[1]), tolerance: 5e-3)
  }

  /// bf16 keeps 8 bits: what comes out of the kernel is the float32 result, rounded; gradients, and what libtorch makes
  /// of rounded operands, are off by at most 1 % of the largest.
  @Test(arguments: [(1, 16), (1, 48), (3, 48)], [Activation.identity, .elu])
  func convolutionOfFewChannelsRoundsInAutocast(channels: (inputs: Int, outputs: Int), activation: Activation) throws {
    let random = RandomSource(Seed(3))
    let layer = Convolution(channels.inputs, channels.outputs, kernel: 4, stride: 2, using: random)
    layer.bias.assign(.normal([channels.outputs], using: random))
    let x = Tensor.normal([67, channels.inputs, 10, 10], using: random)
    let (exact, rounded) = (layer(x, then: activation), computing(in: .bf16) { layer(x, then: activation) })
    #expect(rounded.type == .bfloat16)
    expectClose(rounded.to(.float32), exact.to(.bfloat16).to(.float32), share: Libtorch.usesKernels ? 0 : 0.01)
    let loss = { (y: Tensor) in (y.to(.float32) * exact.detached()).sum() }
    let (found, expected) = (
      gradients(of: loss(rounded), withRespectTo: layer.parameters),
      gradients(of: loss(exact), withRespectTo: layer.parameters)
    )
    for (gradient, wanted) in zip(found, expected) {
      expectClose(try #require(gradient), try #require(wanted), share: 0.01)
    }
  }

  @Test(arguments: [1, 3, 4]) func transposedConvolutionOntoFewChannelsIsTheGeneralOne(channels: Int) throws {
    let random = RandomSource(Seed(5))
    let (few, five) = (
      TransposedConvolution(6, channels, kernel: 6, stride: 2, using: random),
      TransposedConvolution(6, 5, kernel: 6, stride: 2, using: random)
    )
    few.bias.assign(.normal([channels], using: random))
    five.bias.assign(concatenated([few.bias, .ones([5 - channels])], axis: 0))
    five.weight.assign(concatenated([few.weight, .ones([6, 5 - channels, 6, 6])], axis: 1))
    let x = Tensor.normal([3, 6, 5, 4], using: random).requiringGradient()
    #expect(few(x).shape == [3, channels, 14, 12])
    let general = { five(x).sliced(0..<channels, axis: 1) }
    expectClose(few(x), general(), tolerance: 1e-5)
    let found = gradients(of: few(x).squared().sum(), withRespectTo: [x, few.weight, few.bias])
    let expected = gradients(of: general().squared().sum(), withRespectTo: [x, five.weight, five.bias])
    expectClose(try #require(found[0]), try #require(expected[0]), tolerance: 1e-3)
    expectClose(try #require(found[1]), try #require(expected[1]).sliced(0..<channels, axis: 1), tolerance: 1e-3)
    expectClose(try #require(found[2]), try #require(expected[2]).sliced(0..<channels), tolerance: 1e-3)
  }

  @Test(arguments: [1, 3]) func transposedConvolutionOfOnePixelIsTheGeneralOne(outputs: Int) throws {
    let random = RandomSource(Seed(4))
    let layer = TransposedConvolution(6, outputs, kernel: 5, stride: 2, using: random)
    layer.bias.assign(.normal([outputs], using: random))
    let pixel = Tensor.normal([2, 6, 1, 1], using: random)
    // Beside a pixel of zeros it takes the general path; what the first pixel alone reaches are the first five columns.
    let beside = layer(concatenated([pixel, .zeros([2, 6, 1, 1])], axis: 3))
    #expect(beside.shape == [2, outputs, 5, 7])
    expectClose(layer(pixel), beside.sliced(0..<5, axis: 3), tolerance: 1e-5)

    let found = gradients(of: layer(pixel).squared().sum(), withRespectTo: layer.parameters)
    let general = {
      layer(concatenated([pixel, .zeros([2, 6, 1, 1])], axis: 3)).sliced(0..<5, axis: 3).squared().sum()
    }
    for (gradient, expected) in zip(found, gradients(of: general(), withRespectTo: layer.parameters)) {
      expectClose(try #require(gradient), try #require(expected), tolerance: 1e-4)
    }
  }

  /// A recurrent step goes its own way where no gradients are taken, vectors are full (48 numbers, not 20), and gates
  /// may be far from 0.
  @Test(arguments: [48, 20], [1.0, 40]) func gatesAreTheSameWithoutGradients(size: Int, spread: Double) {
    let random = RandomSource(Seed(6))
    let cell = GRUCell(10, size, using: random)
    cell.inputBias.assign(spread * .normal([3 * size], using: random))
    let (x, h) = (Tensor.normal([9, 10], using: random), tanh(.normal([9, size], using: random)))
    let recorded = cell(x, h)
    #expect(recorded.takesGradient)
    expectClose(noGrad { cell(x, h) }, recorded.detached(), tolerance: 1e-6)
    if spread == 1 { expectClose(computing(in: .bf16) { noGrad { cell(x, h) } }, recorded.detached(), tolerance: 0.03) }
  }

  /// Rows with three numbers each, one of none, and one that is full. 5 outputs fill no vector, 40 two and a half, 300
  /// several blocks.
  @Test(arguments: [5, 40, 300], [Precision.f32, .bf16]) func sparseRowsPickTheirWeights(
    outputs: Int, precision: Precision
  ) {
    let random = RandomSource(Seed(7))
    let (sparse, dense) = (SparseLinear(24, outputs, using: random), Linear(24, outputs, using: random))
    sparse.bias.assign(.normal([outputs], using: random))
    dense.weight.assign(sparse.weight)
    dense.bias!.assign(sparse.bias)
    let ones = (0..<20).map { Int64($0 % 8) }
    let classes = Tensor((0..<3).flatMap { _ in ones }, [20, 3]).oneHot(8).reshaped(20, 24)
    let x = concatenated([classes, .zeros([1, 24]), .normal([1, 24], using: random)], axis: 0).reshaped(2, 11, 24)
    let expected = dense(x)
    expectClose(sparse(x), expected, tolerance: 1e-5)  // with a graph, as any product
    sparse.freeze(computingIn: precision)
    expectClose(sparse(x), expected.detached(), tolerance: precision == .f32 ? 1e-5 : 0.02)
    let (picked, isExact) = (computing(in: .bf16) { noGrad { sparse(x) } }, Libtorch.usesKernels && precision == .f32)
    #expect(picked.type == (Libtorch.usesKernels ? .float32 : .bfloat16))  // as only the kernel gives it
    expectClose(picked.to(.float32), expected.detached(), tolerance: isExact ? 1e-5 : 0.03)
  }
}
