"""PredictionService and ModelService of TensorFlow Serving, each call from request to response, without a transport."""

from google.protobuf.any_pb2 import Any as AnyMessage

from proto import tfserving_pb2 as pb
from serving.errors import invalid
from serving.health import Health
from serving.models import Models
from serving.prediction import Call, ensure_wanted, predict

_Asked = pb.PredictRequest | pb.GetModelMetadataRequest


class Servicer:
    """The methods of both services, and the health of them all; every ServingError is for the client.

    Args:
        models: what is asked.
        as_content: write outputs as `tensor_content` instead of typed fields.
    """

    def __init__(self, models: Models, *, as_content: bool) -> None:
        self.health = Health()
        self._models = models
        self._as_content = as_content

    def predict(self, request: pb.PredictRequest, call: Call) -> pb.PredictResponse:
        """PredictionService.Predict."""
        ensure_wanted(call)
        with self._models.borrow(_spec(request)) as (name, version, model):
            response = predict(model, request, call, as_content=self._as_content)
        response.model_spec.name = name
        response.model_spec.version.value = version
        return response

    def metadata(self, request: pb.GetModelMetadataRequest, _: Call) -> pb.GetModelMetadataResponse:
        """PredictionService.GetModelMetadata (`servables/tensorflow/get_model_metadata_impl.cc`)."""
        spec = _spec(request)
        if spec is not None and not request.metadata_field:
            raise invalid("GetModelMetadataRequest must specify at least one metadata_field")
        for field in request.metadata_field if spec is not None else ():
            if field != "signature_def":
                raise invalid(f"Metadata field {field} is not supported")
        with self._models.borrow(spec) as (name, version, model):
            signatures = pb.SignatureDefMap(signature_def=model.signatures)
        response = pb.GetModelMetadataResponse(model_spec=pb.ModelSpec(name=name))
        response.model_spec.version.value = version
        type_url = "type.googleapis.com/tensorflow.serving.SignatureDefMap"
        response.metadata["signature_def"].CopyFrom(AnyMessage(type_url=type_url, value=signatures.SerializeToString()))
        return response

    def status(self, request: pb.GetModelStatusRequest, _: Call) -> pb.GetModelStatusResponse:
        """ModelService.GetModelStatus (`model_servers/get_model_status_impl.cc`); a label is ignored, as there."""
        if not request.HasField("model_spec"):
            raise invalid("Missing ModelSpec")
        spec = request.model_spec
        version = spec.version.value if spec.HasField("version") else None
        return pb.GetModelStatusResponse(model_version_status=self._models.statuses(spec.name, version))

    def reload(self, request: pb.ReloadConfigRequest, call: Call) -> pb.ReloadConfigResponse:
        """ModelService.HandleReloadConfigRequest (`model_service_impl.cc`): it ends when all new models serve.

        The configuration stays in force when the deadline of the call passes before that.
        """
        if request.config.WhichOneof("config") != "model_config_list":
            raise invalid(
                "ServerModelConfig type not supported by HandleReloadConfigRequest. "
                "Only ModelConfigList is currently supported"
            )
        new = self._models.configure(request.config)
        self._models.wait_for(new, lambda: ensure_wanted(call))
        return pb.ReloadConfigResponse(status=pb.StatusProto())


def _spec(request: _Asked) -> pb.ModelSpec | None:
    return request.model_spec if request.HasField("model_spec") else None
