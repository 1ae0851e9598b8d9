import Demonstrations
import Evaluation
import Foundation
import Runs
import Settings
import Spaces
import Torch
import Training
import WorldModel

/// Shows what a world model knows: some frames of an episode as it saw them, then what it dreams under the recorded
/// actions, beside the truth.
public struct DreamMovie {
  /// Frames seen before the dream begins.
  public var context = 10
  /// Frames dreamed.
  public var steps = 50
  /// Of the dream's draws.
  public var seed: UInt64 = 0

  public init() {}

  private static let (scale, delay) = (4, 10)

  /// - Parameter episode: nil for the first that is long enough.
  /// - Returns: truth, model and error side by side.
  /// - Throws: `DemonstrationError`; `ExperimentError` where the dataset is not of the model's environment.
  public func animation(of world: LoadedWorldModel, _ dataset: Dataset, episode: Int?, _ precision: Precision = .f32)
    throws -> Animation
  {
    let (model, space) = (world.model, world.model.observation)
    try dataset.checkFits(space, model.actions)
    guard let image = space.images.first, let frame = space.fields[image].frame else {
      throw ExperimentError.noPixels(dataset.name)
    }
    guard
      let index = episode ?? dataset.episodes.firstIndex(where: { $0.frameCount >= context + steps })
        ?? dataset.episodes.indices.max(by: {
          dataset.episodes[$0].frameCount < dataset.episodes[$1].frameCount
        })
    else { throw DemonstrationError.nothingSelected }
    let batch = try dataset.sequence(episode: index)
    let count = min(context + steps, batch.length)
    guard count > context else { throw DemonstrationError.episodesTooShort(required: context + 1, found: batch.length) }
    let size = frame.dimensions.reduce(1, *)
    let raw = (0..<count).map { Array(batch.frames[$0 * space.frameSize..<($0 + 1) * space.frameSize]) }
    let truth = raw.map { $0.withUnsafeBytes { space.bytes(of: image, in: $0) } }
    let shown: [Float] = noGrad {
      computing(in: precision, on: model.device) {
        let draw = Sampling.sample(RandomSource(Seed(seed).stream("dream"), on: model.device))
        let seen = model.infer(batch[0..<context], draw: draw).states
        let actions = batch.actions(to: context..<count, in: model.actions, on: model.device)
        let dreamed = model.imagine(from: seen[context - 1], following: actions, draw: draw).reached
        return [seen, dreamed].flatMap { model.picture(of: model.decode($0))!.values(as: Float.self) }
      }
    }
    let pictures = truth.enumerated().map { t, real in
      let real = frame.shown(real)
      let model = frame.shown(shown[t * size..<(t + 1) * size].map { UInt8($0.rounded()) })
      let error = zip(real, model).map { UInt8(abs(Int($0) - Int($1))) }
      return Canvas.row(
        [("truth \(t)", real), (t < context ? "context" : "dream \(t - context + 1)", model), ("error", error)],
        width: frame.width, height: frame.height, channels: frame.shownChannels,
        scale: max(1, Self.scale * 32 / max(frame.width, frame.height)))
    }
    return Animation(pictures, delay: Self.delay)
  }
}

extension PlayedEpisode {
  /// The episode's first picture; nil unless its frames were kept and have one.
  public var animation: Animation? {
    guard !frames.isEmpty, let image = observation.images.first, let frame = observation.fields[image].frame else {
      return nil
    }
    let (all, size) = (frames.withUnsafeBytes { observation.bytes(of: image, in: $0) }, observation.fields[image].size)
    let pictures = stride(from: 0, to: all.count, by: size).enumerated().map { t, start in
      Canvas.row(
        [("step \(t)", frame.shown(Array(all[start..<start + size])))], width: frame.width, height: frame.height,
        channels: frame.shownChannels,
        scale: max(1, 256 / max(frame.width, frame.height)))
    }
    return Animation(pictures, delay: 5)
  }
}

extension FrameShape {
  /// Of a picture that is shown: three are colours; of others the last one is shown, which in a stack of frames is the
  /// newest.
  fileprivate var shownChannels: Int { channels == 3 ? 3 : 1 }

  fileprivate func shown(_ pixels: [UInt8]) -> [UInt8] { Array(pixels.suffix(shownChannels * height * width)) }
}
