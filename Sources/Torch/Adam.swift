import CTorch

/// Adam with decoupled weight decay (AdamW, Loshchilov and Hutter 2019); with no decay it is plain Adam.
///
/// A parameter without a gradient is left alone, its decay included, as in PyTorch.
public final class Adam {
  private let names: [String]
  private let parameters: [Parameter]
  private let firstMoments: [Tensor]
  private let secondMoments: [Tensor]
  private let steps: [Tensor]
  public let configuration: OptimizerConfiguration

  public init(_ parameters: [(name: String, parameter: Parameter)], _ configuration: OptimizerConfiguration) {
    names = parameters.map(\.name)
    self.parameters = parameters.map(\.parameter)
    self.configuration = configuration
    firstMoments = self.parameters.map { $0.detached() * 0 }
    secondMoments = self.parameters.map { $0.detached() * 0 }
    steps = self.parameters.map { .zeros([], on: $0.device) }
  }

  /// One step down the gradient of `loss`; returns the gradients' common L2 norm before clipping.
  /// - Parameter progress: the share of the training that is done, from 0 to 1.
  @discardableResult
  public func step(minimizing loss: Tensor, progress: Double = 0) -> Tensor {
    step(along: gradients(of: loss, withRespectTo: parameters), progress: progress)
  }

  /// One step along given gradients, in the parameters' order.
  @discardableResult
  public func step(along gradients: [Tensor?], progress: Double = 0) -> Tensor {
    let some = gradients.indices.filter { gradients[$0] != nil }
    let pick = { (tensors: [Tensor]) in some.map { tensors[$0].handle } }
    let c = configuration
    var norm = CTTensor()
    check(
      ct_adam_step(
        pick(parameters), some.map { gradients[$0]!.handle }, pick(firstMoments), pick(secondMoments), pick(steps),
        Int32(some.count),
        c.learningRate * c.rateFactor(at: progress), c.beta1, c.beta2, c.weightDecay, c.epsilon, c.clipNorm, &norm),
      "Adam step", parameters)
    return Tensor(owning: norm)
  }

  /// What a resumed run needs beside the parameters.
  public var state: NamedTensors {
    names.indices.flatMap { i in
      [
        ("\(names[i]).first", firstMoments[i]), ("\(names[i]).second", secondMoments[i]),
        ("\(names[i]).steps", steps[i]),
      ]
    }
  }
}
