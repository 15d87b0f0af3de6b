using System.Buffers;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Metering.Gateway.Payments;

/// <summary>Takes the provider's events. Open, but only what is signed with the endpoint's secret is read.</summary>
internal static class WebhookRoutes
{
    public static IEndpointRouteBuilder MapPaymentWebhooks(this IEndpointRouteBuilder routes)
    {
        routes.MapPost("/webhooks/stripe", Receive)
            .WithTags("Webhooks")
            .Document("An event of the payment provider, signed with the endpoint's secret", new() { ResponseExample = """{"received": true}""" })
            .Produces<WebhookAnswerBody>()
            .ProducesProblems(400, 413, 500, 503);
        return routes;
    }

    private static async Task<IResult> Receive(HttpContext context, EventInbox inbox, WebhookSecrets secrets, TimeProvider time)
    {
        if (await ReadAsync(context).ConfigureAwait(false) is not { } body)
        {
            return new Failure(StatusCodes.Status413PayloadTooLarge, "body_too_large", $"The body is larger than {JsonBody.MaxBytes} bytes (1 MiB), the most that is allowed.").ToResult();
        }

        var header = context.Request.Headers[WebhookSignature.Header];
        if (WebhookSignature.FindFault(header.Count == 1 ? header[0] : null, body, secrets.Secrets, time.GetUtcNow()) is { } fault)
        {
            return Failure.Invalid(WebhookSignature.Header, fault).ToResult();
        }

        if (PaymentEvent.Read(body) is not { } received)
        {
            return Failure.Invalid(null, "The body is no event: id, type and data.object.id are needed.").ToResult();
        }

        await inbox.ReceiveAsync(received, body, context.RequestAborted).ConfigureAwait(false);
        return JsonAnswer.Of(new WebhookAnswerBody(true), PaymentJson.Default.WebhookAnswerBody);
    }

    /// <summary>The body as sent, byte for byte, because that is what was signed; null where it is too large.</summary>
    private static async ValueTask<byte[]?> ReadAsync(HttpContext context)
    {
        if (context.Request.ContentLength > JsonBody.MaxBytes)
        {
            return null;
        }

        var reader = context.Request.BodyReader;
        while (true)
        {
            var read = await reader.ReadAsync(context.RequestAborted).ConfigureAwait(false);
            if (read.Buffer.Length > JsonBody.MaxBytes)
            {
                reader.AdvanceTo(read.Buffer.End);
                return null;
            }

            if (read.IsCompleted)
            {
                var body = read.Buffer.ToArray();
                reader.AdvanceTo(read.Buffer.End);
                return body;
            }

            reader.AdvanceTo(read.Buffer.Start, read.Buffer.End);
        }
    }
}
