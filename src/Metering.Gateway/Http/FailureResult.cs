using System.Globalization;
using Microsoft.AspNetCore.Http;

namespace Metering.Gateway;

/// <summary>Writes the body of an error in one dialect's shape. Status and headers are set already.</summary>
internal delegate Task ErrorShape(HttpContext context, Failure failure);

/// <summary>Answers with an error.</summary>
internal sealed class FailureResult(Failure failure, ErrorShape? shape) : IResult, IStatusCodeHttpResult
{
    public int? StatusCode => failure.Status;

    public Task ExecuteAsync(HttpContext httpContext)
    {
        var response = httpContext.Response;
        response.StatusCode = failure.Status;
        if (failure.Status == StatusCodes.Status401Unauthorized)
        {
            response.Headers.WWWAuthenticate = "Bearer realm=\"metering\"";
        }

        if (failure.RetryAfter is { } wait)
        {
            response.Headers.RetryAfter = Math.Max(1, (long)Math.Ceiling(wait.TotalSeconds)).ToString(CultureInfo.InvariantCulture);
        }

        return (shape ?? ErrorShapes.Of(httpContext.Request.Path))(httpContext, failure);
    }
}
