import Configuration
import Demonstrations
import Foundation
import Imitation
import Torch
import WorldModel

/// Shows what a world model knows: some frames of an episode as it saw them, then what it dreams under the recorded actions, beside the truth.
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
  /// - Returns: an animated GIF: truth, model and error side by side.
  /// - Throws: `DemonstrationError`; `ExperimentError` where the dataset is not of the model's environment.
  public func gif(of world: LoadedWorldModel, _ dataset: Dataset, episode: Int?, _ precision: Precision = .f32) throws -> Data {
    let (model, space) = (world.model, world.model.observation)
    try dataset.checkFits(space, model.actions)
    guard let frame = space.frame, let pixels = world.normalizer.pixels else { throw ExperimentError.noPixels(dataset.name) }
    guard let index = episode ?? dataset.episodes.firstIndex(where: { $0.frameCount >= context + steps }) ?? dataset.episodes.indices.max(by: {
      dataset.episodes[$0].frameCount < dataset.episodes[$1].frameCount
    }) else { throw DemonstrationError.nothingSelected }
    let batch = try dataset.sequence(episode: index)
    let count = min(context + steps, batch.length)
    guard count > context else { throw DemonstrationError.episodesTooShort(required: context + 1, found: batch.length) }
    let size = frame.side * frame.side
    let raw = (0..<count).map { Array(batch.frames[$0 * space.frameSize..<($0 + 1) * space.frameSize]) }
    let truth = raw.map { Array($0.prefix(size)) }
    let shown: [Float] = noGrad { computing(in: precision, on: model.device) {
      let draw = Draw.sample(RandomSource(Seed(seed).stream("dream"), on: model.device))
      let previous = model.actions.rows(Array(batch.previousActions[..<count]), on: model.device).unflattened([count, 1])
      let seen = model.infer(
        world.normalizer(raw.prefix(context).flatMap { $0 }, space, [context, 1], on: model.device), previousAction: previous.sliced(0..<context), isFirst: Array(batch.isFirst[..<context]),
        from: .zero(model.sizes, batch: 1, on: model.device), draw: draw
      ).states
      let dreamed = model.imagine(from: seen[context - 1], actions: previous.sliced(context..<count), draw: draw)
      return pixels.pixels(concatenated([model.decode(seen).frames!, model.decode(dreamed).frames!], axis: 0)).values()
    } }
    let pictures = truth.enumerated().map { t, real in
      let model = shown[t * size..<(t + 1) * size].map { UInt8($0.rounded()) }
      let error = zip(real, model).map { UInt8(abs(Int($0) - Int($1))) }
      return Canvas.row(
        [("truth \(t)", real), (t < context ? "context" : "dream \(t - context + 1)", model), ("error", error)],
        width: frame.side, height: frame.side, scale: Self.scale * 32 / frame.side)
    }
    return GIFEncoder.encode(pictures.map(\.pixels), width: pictures[0].width, height: pictures[0].height, delay: Self.delay)
  }
}

extension PlayedEpisode {
  /// The episode as an animated GIF; nil unless its frames were kept and are square, of one channel.
  public func gif() -> Data? {
    let size = frames.count / (actions.count + 1)
    let side = Int(Double(size).squareRoot())
    guard size > 0, side * side == size else { return nil }
    let pictures = stride(from: 0, to: frames.count, by: size).enumerated().map { t, start in
      Canvas.row([("step \(t)", Array(frames[start..<start + size]))], width: side, height: side, scale: 256 / side)
    }
    return GIFEncoder.encode(pictures.map(\.pixels), width: pictures[0].width, height: pictures[0].height, delay: 5)
  }
}
