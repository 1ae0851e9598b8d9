import Configuration
import Testing
import Torch

@Suite struct LayersTests {
  @Test func convolutionOfOneChannelIsTheGeneralOne() throws {
    let random = RandomSource(Seed(3))
    let (one, two) = (Convolution(1, 5, kernel: 4, stride: 2, using: random), Convolution(2, 5, kernel: 4, stride: 2, using: random))
    one.bias.assign(.normal([5], using: random))
    two.bias.assign(one.bias)
    two.weight.assign(concatenated([one.weight, .ones([5, 1, 4, 4])], axis: 1))
    let x = Tensor.normal([3, 1, 10, 8], using: random)
    let general = { two(concatenated([x, .zeros([3, 1, 10, 8])], axis: 1)) }  // a second channel of zeros adds nothing
    #expect(one(x).shape == [3, 5, 4, 3])
    expectClose(one(x), general(), tolerance: 1e-5)

    let found = gradients(of: one(x).squared().sum(), withRespectTo: [one.weight, one.bias])
    let expected = gradients(of: general().squared().sum(), withRespectTo: [two.weight, two.bias])
    expectClose(try #require(found[0]), try #require(expected[0]).sliced(0..<1, axis: 1), tolerance: 1e-3)
    expectClose(try #require(found[1]), try #require(expected[1]), tolerance: 1e-3)
  }

  @Test func transposedConvolutionOfOnePixelIsTheGeneralOne() throws {
    let random = RandomSource(Seed(4))
    let layer = TransposedConvolution(6, 3, kernel: 5, stride: 2, using: random)
    layer.bias.assign(.normal([3], using: random))
    let pixel = Tensor.normal([2, 6, 1, 1], using: random)
    // Beside a pixel of zeros it takes the general path; what the first pixel alone reaches are the first five columns.
    let beside = layer(concatenated([pixel, .zeros([2, 6, 1, 1])], axis: 3))
    #expect(beside.shape == [2, 3, 5, 7])
    expectClose(layer(pixel), beside.sliced(0..<5, axis: 3), tolerance: 1e-5)

    let found = gradients(of: layer(pixel).squared().sum(), withRespectTo: layer.parameters)
    let general = { layer(concatenated([pixel, .zeros([2, 6, 1, 1])], axis: 3)).sliced(0..<5, axis: 3).squared().sum() }
    for (gradient, expected) in zip(found, gradients(of: general(), withRespectTo: layer.parameters)) {
      expectClose(try #require(gradient), try #require(expected), tolerance: 1e-4)
    }
  }
}
