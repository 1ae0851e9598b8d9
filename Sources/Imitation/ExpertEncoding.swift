import Configuration
import Torch
import WorldModel

/// A recorded episode as the world model reads it.
public struct ExpertEpisode {
  /// N raw frames `[C, Y, X]`, one after the other.
  public let frames: [UInt8]
  /// The action taken at each frame but the last, N − 1 of them.
  public let actions: [Int32]

  public init(frames: [UInt8], actions: [Int32]) {
    self.frames = frames
    self.actions = actions
  }
}

extension ExpertLatents {
  /// Frames encoded at once: bounds the memory that a long episode takes.
  private static let chunk = 512

  /// Encodes expert episodes, each from its start, with states drawn from the posterior. Source: DITTO, section 3.3, "Algorithm".
  public init(encoding episodes: [ExpertEpisode], with model: WorldModel, _ pixels: PixelNormalizer, seed: Seed) {
    let encoded = episodes.enumerated().map { index, episode in
      noGrad { Self.encode(episode, model, pixels, RandomSource(seed.step(index), on: model.device)) }
    }
    self.init(
      deterministic: concatenated(encoded.map(\.0), axis: 0), classes: concatenated(encoded.map(\.1), axis: 0),
      actions: Tensor(episodes.flatMap { $0.actions.map(Int64.init) + [-1] }, [encoded.reduce(0) { $0 + $1.0.shape[0] }], on: model.device),
      lengths: encoded.map { $0.0.shape[0] }, classCount: model.sizes.classes)
  }

  /// `h` `[N, D]` and class indices of `z` `[N, S]` of one episode.
  private static func encode(_ episode: ExpertEpisode, _ model: WorldModel, _ pixels: PixelNormalizer, _ random: RandomSource) -> (Tensor, Tensor) {
    let (sizes, count) = (model.sizes, episode.actions.count + 1)
    let frameSize = model.frame.dimensions.reduce(1, *)
    let previousActions = [-1] + episode.actions
    var state = LatentState.zero(sizes, batch: 1, on: model.device)
    var (h, z) = ([Tensor](), [Tensor]())
    for start in stride(from: 0, to: count, by: chunk) {
      let rows = start..<min(start + chunk, count)
      let frames = episode.frames[rows.lowerBound * frameSize..<rows.upperBound * frameSize].withUnsafeBytes {
        Tensor(bytes: $0, [rows.count, 1] + model.frame.dimensions, .uint8, on: model.device)
      }
      let states = model.infer(
        frames: pixels(frames), previousAction: model.oneHot(previousActions: Array(previousActions[rows])).unflattened([rows.count, 1]),
        isFirst: rows.map { $0 == 0 }, from: state, draw: .sample(random)
      ).states
      state = states[rows.count - 1]
      h.append(states.deterministic.reshaped(-1, sizes.deterministic))
      z.append(states.stochastic.reshaped(-1, sizes.groups, sizes.classes).argmax(over: -1).to(.uint8))
    }
    return (concatenated(h, axis: 0), concatenated(z, axis: 0))
  }

  /// What is kept between runs.
  public var tensors: [(name: String, tensor: Tensor)] {
    [("deterministic", deterministic), ("classes", classes), ("actions", actions), ("lengths", Tensor(lengths.map(Int64.init), [lengths.count]))]
  }

  /// - Throws: `TorchError` where the file is damaged or something else.
  public init(from file: Safetensors, classCount: Int, on device: Device) throws {
    let lengths: [Int64] = try file.tensor("lengths").values()
    self.init(
      deterministic: try file.tensor("deterministic", on: device), classes: try file.tensor("classes", on: device),
      actions: try file.tensor("actions", on: device), lengths: lengths.map(Int.init), classCount: classCount)
  }
}
