/// What learns by gradient steps, and goes on from a file as if it had never stopped. It names its tensors once: saving
/// writes them out; restoring and adopting read a file into them.
public protocol Learner: AnyObject {
  /// What it has learned, with the statistics of its data: what another learner may begin with.
  var weights: NamedTensors { get }
  /// What its next step depends on besides, such as an optimiser's moments.
  var memory: NamedTensors { get }

  /// Goes on where another of its kind stopped.
  /// - Throws: `TorchError` where the file is of another kind or size.
  func restore(from file: Safetensors) throws
  /// Takes another's weights, and nothing else of it: optimisers begin anew.
  /// - Throws: `TorchError` where the file is of another kind or size.
  func adopt(_ file: Safetensors) throws
}

extension Learner {
  /// Everything that the next step depends on, beside the configuration, the data and the seed.
  public var state: NamedTensors { weights + memory }
  public func restore(from file: Safetensors) throws { try file.restore(state) }
  public func adopt(_ file: Safetensors) throws { try file.restore(weights) }
}
