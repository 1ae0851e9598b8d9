import Configuration
import Testing
import Torch

@testable import WorldModel

/// `authors_bc`: of cloning from pixels, the parts that it shares with the other methods: encoder and optimisers.
@Suite struct GoldenPixelCloning {
  private final class Network: Module {
    let encoder: Encoder
    let mlp: MLP

    init(_ encoder: Encoder, _ mlp: MLP) { (self.encoder, self.mlp) = (encoder, mlp) }

    /// `mlp.layers.1.bias` is `2.model.2.bias`: an activation stands between two layers, a reshape between the networks.
    static func authorsName(_ path: String) -> String {
      let parts = path.split(separator: ".")
      return "\(parts[0] == "encoder" ? 0 : 2).model.\(2 * Int(parts[2])!).\(parts[3])"
    }
  }

  @Test func agreesWithTheAuthorsCode() throws {
    let golden = try Golden("authors_bc")
    let images = try golden["in.image"]  // [B, 1, C, Y, X]
    let random = RandomSource(Seed(0))
    let encoder = Encoder(
      FrameShape(channels: images.shape[2], side: images.shape[4]), depth: try golden.size("hp.cnn_depth"), using: random)
    let network = Network(
      encoder,
      MLP(
        encoder.embeddingSize, try golden.size("hp.action_dim"), width: try golden.size("hp.mlp_hidden"),
        hiddenLayers: try golden.size("hp.mlp_layers"), using: random))
    let parameters = try golden.load(network, naming: Network.authorsName)
    try golden.compare("embed", encoder(images.flattened(first: 2)).unflattened(Array(images.shape.prefix(2))))

    // PyTorch's default epsilon, and AdamW's default decay.
    let rate = try golden.setting("hp.lr")
    for (name, decay) in [("after_adam.", 0.0), ("after_adamw.", 0.01)] {
      try golden.restore(parameters)
      Adam(parameters, OptimizerConfiguration { ($0.learningRate, $0.epsilon, $0.weightDecay) = (rate, 1e-8, decay) })
        .step(along: try parameters.map { try golden["grad." + $0.name] })
      try golden.compare(name, moved: parameters)
    }
    golden.finish(notBuilt: ["logits", "loss", "grad."])
  }
}
