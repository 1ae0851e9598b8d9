import Settings
import Spaces
import Torch
import WorldModel

/// A small frozen world model for 32×32 frames, whose posterior is so sharp that its draws do not depend on luck.
/// - Parameter pixels: the mean and the deviation that it normalises pixels with.
func sharpWorldModel(
  actions: ActionSpace, pixels: (mean: Float, deviation: Float) = (0, 1), _ change: (inout LatentSizes) -> Void
) -> WorldModel {
  var sizes = LatentSizes()
  sizes.depth = 2
  change(&sizes)
  let model = WorldModel(sizes, .small(pixels.mean, pixels.deviation), actions: actions, using: RandomSource(Seed(0)))
  for (name, parameter) in model.namedParameters where name == "rssm.posterior.logits.weight" {
    parameter.assign(parameter * 1e6)
  }
  model.freeze()
  return model
}

extension Normalizer {
  /// For 32×32 frames, all of whose pixels have this mean and deviation.
  static func small(_ mean: Float, _ deviation: Float) -> Normalizer {
    Normalizer(ObservationSpace(height: 32, width: 32), mean: mean, deviation: deviation, on: .cpu)
  }
}

extension LatentSizes {
  /// Of models that need no more than to be there.
  static var least: LatentSizes {
    var sizes = LatentSizes()
    (sizes.depth, sizes.deterministic, sizes.hidden, sizes.groups, sizes.classes) = (2, 8, 8, 2, 4)
    return sizes
  }
}
