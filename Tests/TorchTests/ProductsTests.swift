import Settings
import Testing
import Torch

/// Products go different ways for few rows, for float32 and for other types; all are the same product.
@Suite struct ProductsTests {
  private let random = RandomSource(Seed(11))

  /// Sums of products one by one, in float64, which no fast way takes.
  private func expected(_ x: Tensor, _ layer: Linear) -> Tensor {
    let (x, w) = (x.to(.float64), layer.weight.detached().to(.float64))
    let products = x.reshaped([-1, 1, w.shape[1]]) * w.reshaped([1] + w.shape)
    return (products.sum(over: -1) + layer.bias!.detached().to(.float64)).reshaped(x.shape.dropLast() + [w.shape[0]])
  }

  @Test(arguments: [[1], [2], [3], [4], [5], [64], [2, 2], [3, 1, 7]], [(33, 6), (16, 4), (7, 9), (1000, 50)])
  func areSumsOfProducts(rows: [Int], sizes: (inputs: Int, outputs: Int)) {
    let layer = Linear(sizes.inputs, sizes.outputs, using: random)
    layer.bias!.assign(.normal([sizes.outputs], using: random))
    let x = Tensor.normal(rows + [sizes.inputs], using: random)
    let y = layer(x)
    #expect(y.shape == rows + [sizes.outputs])
    expectClose(y.to(.float64), expected(x, layer), tolerance: 1e-5)
  }

  /// Expected values come from libtorch's own product, which float64 goes to. Without rows there is nothing to add up.
  @Test(arguments: [0, 1, 3, 40], [1, 3, 8]) func haveTheGradientsOfSumsOfProducts(rows: Int, outputs: Int) throws {
    let layer = Linear(19, outputs, using: random)
    let x = Tensor.normal([rows, 19], using: random).requiringGradient()
    let weights = Tensor.normal([rows, outputs], using: random)
    let found = gradients(of: (layer(x) * weights).sum(), withRespectTo: [x, layer.weight, layer.bias!])
    let (w, g, input) = (layer.weight.detached().to(.float64), weights.to(.float64), x.detached().to(.float64))
    expectClose(try #require(found[0]).to(.float64), g.matmul(w), tolerance: 1e-5)
    expectClose(try #require(found[1]).to(.float64), g.permuted(1, 0).matmul(input), tolerance: 1e-5)
    expectClose(try #require(found[2]).to(.float64), g.sum(over: 0), tolerance: 1e-5)
  }

  /// However the operands lie in memory: next to one another, or views of something larger, of something turned round,
  /// or of one row for all.
  @Test(arguments: ["sliced", "transposed", "expanded"], [2, 40]) func doNotDependOnHowOperandsLieInMemory(
    view: String, rows: Int
  ) throws {
    let made = { (rows: Int, columns: Int) -> Tensor in
      switch view {
      case "sliced":
        Tensor.normal([rows + 2, columns + 3], using: self.random).sliced(1..<rows + 1).sliced(2..<columns + 2, axis: 1)
      case "transposed": Tensor.normal([columns, rows], using: self.random).permuted(1, 0)
      default: Tensor.normal([1, columns], using: self.random).expanded([rows, columns])
      }
    }
    let (a, b) = (made(rows, 19).requiringGradient(), made(19, 7).requiringGradient())
    let weights = made(rows, 7)
    let product = a.matmul(b)
    expectClose(product.to(.float64), a.detached().to(.float64).matmul(b.detached().to(.float64)), share: 1e-6)
    let found = gradients(of: (product * weights).sum(), withRespectTo: [a, b])
    let (g, x, y) = (weights.to(.float64), a.detached().to(.float64), b.detached().to(.float64))
    expectClose(try #require(found[0]).to(.float64), g.matmul(y.permuted(1, 0)), share: 1e-6)
    expectClose(try #require(found[1]).to(.float64), x.permuted(1, 0).matmul(g), share: 1e-6)
  }

  @Test(arguments: [([0, 5], 3), ([4, 0], 3), ([40, 0], 3)]) func mayBeEmpty(shape: [Int], outputs: Int) {
    #expect(
      Tensor.ones(shape).matmul(.ones([shape[1], outputs])).values(as: Float.self)
        == [Float](repeating: 0, count: shape[0] * outputs))
  }

  /// In bf16, with 8 bits for each number: off by at most 1 % of the largest, gradients too.
  @Test(arguments: [1, 3, 40]) func areRoundedInHalfPrecision(rows: Int) throws {
    let layer = Linear(64, 8, using: random)
    layer.bias!.assign(.normal([8], using: random))
    let x = Tensor.normal([rows, 64], using: random).requiringGradient()
    let weights = Tensor.normal([rows, 8], using: random)
    let y = computing(in: .bf16) { layer(x) }
    #expect(y.type == .bfloat16)
    expectClose(y.to(.float64), expected(x.detached(), layer), share: 0.01)
    let found = gradients(of: (y.to(.float32) * weights).sum(), withRespectTo: [x, layer.weight, layer.bias!])
    let (w, g, input) = (layer.weight.detached().to(.float64), weights.to(.float64), x.detached().to(.float64))
    for (gradient, expected) in zip(found, [g.matmul(w), g.permuted(1, 0).matmul(input), g.sum(over: 0)]) {
      expectClose(try #require(gradient).to(.float64), expected, share: 0.01)
    }
  }

  /// Weights of what is frozen are stored in bf16; all else is in float32, for a few rows and for many, and in autocast
  /// as always.
  @Test(arguments: [1, 4, 5, 40], [16, 33]) func takeWeightsFromHalfPrecision(rows: Int, inputs: Int) {
    let layer = Linear(inputs, 6, using: random)
    layer.bias!.assign(.normal([6], using: random))
    layer.freeze(computingIn: .bf16)
    #expect(layer.weight.type == .bfloat16 && layer.bias!.type == .float32)
    let x = Tensor.normal([rows, inputs], using: random)
    expectClose(layer(x).to(.float64), expected(x, layer), tolerance: 1e-5)
    expectClose(computing(in: .bf16) { layer(x) }.to(.float64), expected(x, layer), share: 0.01)
  }

  /// Of frames so few and small that 256 pixels or fewer come out, without gradients, and the same with gradients,
  /// which go the general way.
  @Test(arguments: [(1, 4, 4, 1), (1, 6, 6, 4), (2, 5, 6, 4), (3, 6, 6, 12), (1, 31, 31, 196), (3, 31, 31, 588)])
  func convolveFewPixelsAsMany(count: Int, height: Int, width: Int, pixels: Int) {
    let layer = Convolution(6, 5, kernel: 4, stride: 2, using: random)
    layer.bias.assign(.normal([5], using: random))
    let x = Tensor.normal([count, 6, height, width], using: random)
    let few = noGrad { layer(x, then: .elu) }
    #expect(few.shape[0] * few.shape[2] * few.shape[3] == pixels)
    expectClose(few, layer(x, then: .elu), tolerance: 1e-5)
  }

  /// A gradient that others still need is left as it is, though the activation's own is made in its place where it can
  /// be.
  @Test(arguments: [Activation.elu, .relu]) func activationsLeaveOthersGradientsAlone(activation: Activation) throws {
    let (one, two) = (Linear(9, 6, using: random), Linear(9, 6, using: random))
    let x = Tensor.normal([12, 9], using: random)
    let slope = { (y: Tensor) -> Tensor in  // of elu or relu, from what comes out
      let positive = y.clamped(0, 1e-30) * 1e30
      return activation == .relu ? positive : positive + (1 - positive) * (y + 1)
    }
    // The sum's gradient goes to both sides, and to a reshaped third, as one tensor.
    let (a, b) = (one(x, then: activation), two(x))
    let sum = a + b + one(x, then: activation).reshaped(6, 12).reshaped(12, 6)
    let found = gradients(of: sum.squared().sum() * 0.5, withRespectTo: [one.weight, two.weight])
    let g = sum.detached()
    expectClose(try #require(found[1]), g.permuted(1, 0).matmul(x), tolerance: 1e-4)
    expectClose(try #require(found[0]), 2 * (g * slope(a.detached())).permuted(1, 0).matmul(x), tolerance: 1e-4)
  }
}
