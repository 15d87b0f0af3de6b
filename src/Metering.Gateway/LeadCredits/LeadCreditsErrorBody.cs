using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.LeadCredits;

/// <summary>An error of dialect B.</summary>
internal sealed record LeadCreditsErrorBody(bool Success, string Error)
{
    public static Task WriteAsync(HttpContext context, Failure failure) => failure.Status == StatusCodes.Status401Unauthorized
        ? context.Response.WriteAsJsonAsync(
            new LeadCreditsUnauthorizedBody(false, failure.Status, "Unauthorized", failure.Message),
            LeadCreditsJson.Default.LeadCreditsUnauthorizedBody,
            cancellationToken: context.RequestAborted)
        : context.Response.WriteAsJsonAsync(
            new LeadCreditsErrorBody(false, failure.Message), LeadCreditsJson.Default.LeadCreditsErrorBody, cancellationToken: context.RequestAborted);
}

/// <summary>The answer to a missing or broken key in dialect B.</summary>
internal sealed record LeadCreditsUnauthorizedBody(
    bool Success,
    int StatusCode,
    string Error,
    string Message);
