import CTorch

/// What a layer does to its result, element by element.
public enum Activation: UInt32, Sendable {
  case identity, elu, relu

  var c: CTActivation { CTActivation(rawValue: rawValue) }
}

/// `y = x Wᵀ + b`; weight `[out, in]`.
public final class Linear: Module {
  public let weight: Parameter
  public let bias: Parameter?

  public init(_ inputs: Int, _ outputs: Int, bias: Bool = true, using random: RandomSource) {
    weight = Parameter(.xavier([outputs, inputs], fanIn: inputs, fanOut: outputs, using: random))
    self.bias = bias ? Parameter(.zeros([outputs], on: random.device)) : nil
  }

  public func callAsFunction(_ x: Tensor, then activation: Activation = .identity) -> Tensor {
    call("linear", x, weight) { ct_linear(x.handle, weight.handle, bias?.handle ?? CTTensor(), activation.c, $0) }
  }
}

/// `y = x Wᵀ + b` of an `x` that is zero but for a few numbers, such as one-hot classes: where no gradients are taken,
/// only what meets these is read of the weight; `[out, in]`, it lies in memory as `[in, out]`.
public final class SparseLinear: Module {
  public let weight: Parameter
  public let bias: Parameter

  public init(_ inputs: Int, _ outputs: Int, using random: RandomSource) {
    weight = Parameter(
      .xavier([outputs, inputs], fanIn: inputs, fanOut: outputs, using: random).permuted(1, 0).contiguous().permuted(
        1, 0))
    bias = Parameter(.zeros([outputs], on: random.device))
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    call("sparse linear", x, weight) { ct_linear_of_sparse(x.handle, weight.handle, bias.handle, $0) }
  }
}

/// Normalises the last axis to mean 0 and variance 1, then scales and shifts it.
public final class LayerNorm: Module {
  public let weight: Parameter
  public let bias: Parameter
  let epsilon: Double

  public init(_ size: Int, epsilon: Double = 1e-3, on device: Device) {
    weight = Parameter(.ones([size], on: device))
    bias = Parameter(.zeros([size], on: device))
    self.epsilon = epsilon
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    call("layer norm", x, weight) { ct_layer_norm(x.handle, weight.handle, bias.handle, epsilon, $0) }
  }
}

/// A 2-D convolution without padding; weight `[out, in, kernel, kernel]`, kept channels-last in memory.
public final class Convolution: Module {
  public let weight: Parameter
  public let bias: Parameter
  private let stride: Int

  public init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, using random: RandomSource) {
    let area = kernel * kernel
    weight = Parameter(
      .xavier([outputs, inputs, kernel, kernel], fanIn: inputs * area, fanOut: outputs * area, using: random)
        .channelsLast())
    bias = Parameter(.zeros([outputs], on: random.device))
    self.stride = stride
  }

  /// `[N, in, Y, X]` to `[N, out, (Y − kernel) / stride + 1, …]`.
  public func callAsFunction(_ x: Tensor, then activation: Activation = .identity) -> Tensor {
    return call("convolution", x, weight) {
      ct_conv2d(x.handle, weight.handle, bias.handle, Int64(stride), activation.c, $0)
    }
  }
}

/// A 2-D transposed convolution without padding; weight `[in, out, kernel, kernel]`, kept channels-last in memory.
public final class TransposedConvolution: Module {
  public let weight: Parameter
  public let bias: Parameter
  private let stride: Int

  public init(_ inputs: Int, _ outputs: Int, kernel: Int, stride: Int, using random: RandomSource) {
    let area = kernel * kernel
    weight = Parameter(
      .xavier([inputs, outputs, kernel, kernel], fanIn: outputs * area, fanOut: inputs * area, using: random)
        .channelsLast())
    bias = Parameter(.zeros([outputs], on: random.device))
    self.stride = stride
  }

  /// `[N, in, Y, X]` to `[N, out, (Y − 1) stride + kernel, …]`.
  public func callAsFunction(_ x: Tensor, then activation: Activation = .identity) -> Tensor {
    let (outputs, kernel) = (weight.shape[1], weight.shape[2])
    if x.shape[2] == 1, x.shape[3] == 1 {
      // On a single pixel it is a plain product, with the weight laid out as [kernel · kernel · out, in] and the bias
      // as often as pixels.
      let flat = weight.permuted(2, 3, 1, 0).reshaped(-1, weight.shape[0])
      let everywhere = bias.expanded([kernel * kernel, outputs]).reshaped(-1)
      let y = call("linear", x, flat) { [x = x.reshaped(-1, weight.shape[0])] in
        ct_linear(x.handle, flat.handle, everywhere.handle, activation.c, $0)
      }
      return y.reshaped(-1, kernel, kernel, outputs).permuted(0, 3, 1, 2)
    }
    return call("transposed convolution", x, weight) {
      ct_conv_transpose2d(x.handle, weight.handle, bias.handle, Int64(stride), activation.c, $0)
    }
  }
}

/// The gated recurrent unit of Cho et al. (2014) as PyTorch has it, gates in the order reset, update, new:
/// `n = tanh(W x + b + r · (U h + c))`, `h′ = (1 − u) n + u h`.
public final class GRUCell: Module {
  public let inputWeight: Parameter
  public let recurrentWeight: Parameter
  public let inputBias: Parameter
  public let recurrentBias: Parameter

  public init(_ inputs: Int, _ size: Int, using random: RandomSource) {
    inputWeight = Parameter(.xavier([3 * size, inputs], fanIn: inputs, fanOut: 3 * size, using: random))
    recurrentWeight = Parameter(.orthogonal(3 * size, size, using: random))
    inputBias = Parameter(.zeros([3 * size], on: random.device))
    recurrentBias = Parameter(.zeros([3 * size], on: random.device))
  }

  /// `x` `[B, in]`, `h` `[B, size]` to the next `h`.
  public func callAsFunction(_ x: Tensor, _ h: Tensor) -> Tensor {
    call("GRU cell", x, h, inputWeight) {
      ct_gru_cell(
        x.handle, h.handle, inputWeight.handle, recurrentWeight.handle, inputBias.handle, recurrentBias.handle, $0)
    }
  }
}

/// The recurrent state-space model of `RSSM` along a sequence; shapes as `ct_unroll` has them. Gradients flow to all
/// operands but `notFirst` and `exponentialNoise`.
public func unroll(
  _ recurrence: GRUCell, stochastic: SparseLinear, _ inputNorm: LayerNorm, hidden: Linear, _ posteriorNorm: LayerNorm,
  logits: Linear,
  actionShares: Tensor, embedded: Tensor, notFirst: Tensor?, exponentialNoise: Tensor?, h: Tensor, z: Tensor,
  groups: Int
) -> (h: Tensor, z: Tensor, logits: Tensor) {
  let weights = CTRecurrence(
    stochastic_weight: stochastic.weight.handle, stochastic_bias: stochastic.bias.handle,
    input_norm_weight: inputNorm.weight.handle,
    input_norm_bias: inputNorm.bias.handle, gru_input_weight: recurrence.inputWeight.handle,
    gru_recurrent_weight: recurrence.recurrentWeight.handle, gru_input_bias: recurrence.inputBias.handle,
    gru_recurrent_bias: recurrence.recurrentBias.handle, posterior_weight: hidden.weight.handle,
    posterior_bias: hidden.bias!.handle,
    posterior_norm_weight: posteriorNorm.weight.handle, posterior_norm_bias: posteriorNorm.bias.handle,
    logits_weight: logits.weight.handle,
    logits_bias: logits.bias!.handle)
  var outs = [CTTensor](repeating: CTTensor(), count: 3)
  check(
    ct_unroll(
      actionShares.handle, embedded.handle, notFirst?.handle ?? CTTensor(), exponentialNoise?.handle ?? CTTensor(),
      h.handle,
      z.handle, Int64(groups),
      inputNorm.epsilon, weights, &outs),
    "unroll", [actionShares, embedded, h, z])
  return (Tensor(owning: outs[0]), Tensor(owning: outs[1]), Tensor(owning: outs[2]))
}

/// A multi-layer perceptron: `hiddenLayers` layers of `width` with ReLU, then a linear one.
public final class MLP: Module {
  public let layers: [Linear]

  public init(_ inputs: Int, _ outputs: Int, width: Int, hiddenLayers: Int, using random: RandomSource) {
    let sizes = [inputs] + Array(repeating: width, count: hiddenLayers) + [outputs]
    layers = zip(sizes, sizes.dropFirst()).map { Linear($0, $1, using: random) }
  }

  public func callAsFunction(_ x: Tensor) -> Tensor {
    layers.last!(layers.dropLast().reduce(x) { $1($0, then: .relu) })
  }

  /// The same while it learns: each hidden unit is left out with a probability, and the others are scaled up for it
  /// (Srivastava et al. 2014).
  public func callAsFunction(_ x: Tensor, dropout share: Double, using random: RandomSource) -> Tensor {
    guard share > 0 else { return self(x) }
    let hidden = layers.dropLast().reduce(x) { input, layer in
      let y = layer(input, then: .relu)
      return y * (Tensor.uniform(y.shape, using: random).isAtLeast(share).to(y.type) * (1 / (1 - share)))
    }
    return layers.last!(hidden)
  }
}

extension Tensor {
  /// Uniform in ±√(6 / (fanIn + fanOut)) (Glorot and Bengio 2010).
  static func xavier(_ shape: [Int], fanIn: Int, fanOut: Int, using random: RandomSource) -> Tensor {
    (uniform(shape, using: random) * 2 - 1) * (6 / Double(fanIn + fanOut)).squareRoot()
  }
  /// A random matrix with orthonormal columns (or rows, where it is wider than high).
  static func orthogonal(_ rows: Int, _ columns: Int, using random: RandomSource) -> Tensor {
    let normal = Tensor.normal([rows, columns], using: random)
    return call("orthogonal", normal) { ct_orthogonal(normal.handle, $0) }
  }
}
