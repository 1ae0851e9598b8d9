import Settings
import Spaces
import Testing
import Torch

@testable import Imitation
@testable import WorldModel

/// `authors_bc`: cloning from pixels against the authors' PyTorch code.
@Suite struct GoldenPixelCloning {
  /// `head.layers.1.bias` is `2.model.2.bias`: an activation stands between two layers, a reshape between the networks.
  private func authorsName(_ path: String) -> String {
    let parts = path.split(separator: ".")
    return "\(parts[0] == "encoder" ? 0 : 2).model.\(2 * Int(parts[2])!).\(parts[3])"
  }

  @Test func agreesWithTheAuthorsCode() throws {
    let golden = try Golden("authors_bc")
    let images = try golden["in.image"]  // [B, 1, C, Y, X]
    var sizes = PolicySizes()
    (sizes.width, sizes.hiddenLayers) = (try golden.size("hp.mlp_hidden"), try golden.size("hp.mlp_layers"))
    let policy = PixelPolicy(
      ObservationSpace(channels: images.shape[2], height: images.shape[4], width: images.shape[4]),
      depth: try golden.size("hp.cnn_depth"), actions: .discrete(try golden.size("hp.action_dim")),
      sizes, using: RandomSource(Seed(0)))
    let parameters = try golden.load(policy, naming: authorsName)
    let frames = Observation(policy.observation, [images.flattened(first: 2)])
    try golden.compare("embed", policy.encoded(frames).unflattened(Array(images.shape.prefix(2))))
    try golden.compare("logits", policy.outputs(frames))
    let loss = cloningLoss(
      policy: policy(frames), action: try golden["in.action"].argmax(over: -1).to(.float32).reshaped(-1, 1),
      entropyWeight: 0)
    try golden.compare("loss", loss)
    try golden.compare("grad.", gradientsOf: loss, parameters)

    // PyTorch's default epsilon, and AdamW's default decay.
    let rate = try golden.setting("hp.lr")
    for (name, decay) in [("after_adam.", 0.0), ("after_adamw.", 0.01)] {
      try golden.restore(parameters)
      Adam(parameters, OptimizerConfiguration { ($0.learningRate, $0.epsilon, $0.weightDecay) = (rate, 1e-8, decay) })
        .step(along: try parameters.map { try golden["grad." + $0.name] })
      try golden.compare(name, moved: parameters)
    }
    golden.finish()
  }
}
