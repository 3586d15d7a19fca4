"""What Keras itself computes: files, live models, predictions, activations, gradients."""

import numpy as np
import pytest
from conftest import FIXTURES

import unet_lens

keras = pytest.importorskip("keras", reason="Keras is not installed here")
pytest.importorskip("jax", reason="JAX, which Keras computes with, is not installed here")

SIZE = (24, 16)


def images(n, channels):
    return np.random.default_rng(7).random((n, *SIZE, channels), dtype=np.float32)


def unet(channels=2):
    """Small, with a skip, batch normalisation away from its start, and a fresh name for each layer."""
    layers = keras.layers
    keras.utils.set_random_seed(3)
    inputs = keras.Input((*SIZE, channels), name="scan")
    left = layers.Conv2D(6, 3, padding="same", name="left")(inputs)
    left = layers.ReLU(name="left_relu")(layers.BatchNormalization(name="left_norm")(left))
    low = layers.MaxPooling2D(name="pool")(left)
    low = layers.Conv2D(9, 3, padding="same", activation="swish", name="low")(low)
    up = layers.Conv2DTranspose(6, 2, strides=2, name="rise")(low)
    both = layers.Concatenate(name="skip")([left, up])
    right = layers.Conv2D(5, 3, padding="same", activation="relu", name="right")(both)
    model = keras.Model(inputs, layers.Conv2D(1, 1, activation="sigmoid", name="restored")(right), name="small")
    generator = np.random.default_rng(5)
    norm = model.get_layer("left_norm")
    norm.set_weights([generator.uniform(0.5, 1.5, 6) for _ in norm.weights])
    return model


@pytest.fixture(scope="module")
def model():
    return unet()


@pytest.fixture(scope="module")
def network(model):
    return unet_lens.load(model, backend="cpu")


def test_a_live_model(model, network):
    assert network.name == model.name == "small"
    assert [layer.name for layer in network.layers] == [layer.name for layer in model.layers]
    for ours, theirs in zip(network.layers, model.layers):
        assert ours.type == type(theirs).__name__
        assert ours.parameters == theirs.count_params()
        shape = theirs.output.shape
        assert ours.shape == tuple(shape[1:])


@pytest.mark.parametrize("ending", ["keras", "h5"])
def test_a_file_is_the_live_model(model, network, tmp_path, ending):
    file = tmp_path / f"small.{ending}"
    model.save(file)
    x = images(1, 2)
    np.testing.assert_array_equal(unet_lens.load(file, backend="cpu").predict(x), network.predict(x))


def test_predicts_what_keras_predicts(model, network):
    x = images(3, 2)
    np.testing.assert_allclose(network.predict(x), model.predict(x, verbose=0), rtol=0, atol=1e-5)


def test_a_model_that_was_trained_goes_on_from_there(model):
    trained = keras.models.clone_model(model)
    trained.compile("sgd", "mse")
    trained.fit(images(4, 2), images(4, 1), epochs=1, verbose=0)
    x = images(2, 2)
    ours = unet_lens.load(trained, backend="cpu").predict(x)
    np.testing.assert_allclose(ours, trained.predict(x, verbose=0), rtol=0, atol=1e-5)
    assert np.abs(ours - model.predict(x, verbose=0)).max() > 1e-3


def test_the_fixtures_networks(built_in, tiny):
    for network, name in (built_in, "unet.h5"), (tiny, "tiny.h5"):
        model = keras.models.load_model(FIXTURES / name, compile=False)
        x = np.random.default_rng(2).random((1, *model.input_shape[1:]), dtype=np.float32)
        # The values of the small one go to 16.
        np.testing.assert_allclose(network.predict(x), model.predict(x, verbose=0), rtol=1e-5, atol=1e-5)


def test_activations_are_keras_layers_outputs(model, network):
    x = images(2, 2)
    inside = keras.Model(model.inputs, [layer.output for layer in model.layers])
    theirs = dict(zip((layer.name for layer in model.layers), inside.predict(x, verbose=0)))
    ours = network.activations(x)
    assert list(ours) == list(theirs)
    for name, output in theirs.items():
        np.testing.assert_allclose(ours[name], output, rtol=0, atol=1e-5, err_msg=name)


@pytest.fixture
def double(model):
    """The same model in double precision."""
    import jax

    jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    made = unet()
    made.set_weights([weight.astype(np.float64) for weight in model.get_weights()])
    yield made
    keras.config.set_floatx("float32")
    keras.config.set_dtype_policy("float32")
    jax.config.update("jax_enable_x64", False)


@pytest.mark.parametrize(("layer", "filter"), [("left", 2), ("low", 4), ("rise", 1), ("restored", 0)])
def test_gradients_are_those_of_jax_through_keras_layers(network, double, layer, filter):
    import jax

    x = images(1, 2)
    inside = keras.Model(double.inputs, double.get_layer(layer).output)
    theirs = jax.grad(lambda image: inside([image], training=False)[..., filter].mean())(jax.numpy.asarray(x, "float64"))
    np.testing.assert_allclose(network.gradient(layer, filter, x), theirs, rtol=0, atol=1e-5 * np.abs(theirs).max())


def test_the_losses_of_a_climb_are_means_that_keras_computes(model, network):
    climb = network.climb("right", [0, 3], steps=3)
    inside = keras.Model(model.inputs, model.get_layer("right").output)
    means = inside.predict(climb.pictures, verbose=0).mean(axis=(1, 2))
    np.testing.assert_allclose(climb.losses[:, -1], [means[0, 0], means[1, 3]], rtol=1e-5)


def test_a_model_that_cannot_be_read_is_refused_by_its_name():
    inputs = keras.Input((8, 8, 4))
    model = keras.Model(inputs, keras.layers.Reshape((8, 8, 4))(keras.layers.MultiHeadAttention(1, 2)(inputs, inputs)), name="attends")
    network = unet_lens.load(model, backend="cpu")
    with pytest.raises(ValueError, match="the model attends.*MultiHeadAttention"):
        network.predict(np.zeros((8, 8, 4)))


def test_a_class_that_is_called_model_is_no_keras_model():
    class Model:
        def save(self, _):
            raise AssertionError("never asked")

    with pytest.raises(TypeError):
        unet_lens.load(Model())
