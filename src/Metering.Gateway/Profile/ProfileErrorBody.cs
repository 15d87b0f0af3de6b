using Microsoft.AspNetCore.Http;

namespace Metering.Gateway.Profile;

/// <summary>An error of dialect A.</summary>
internal sealed record ProfileErrorBody(string Error, string Message)
{
    public static Task WriteAsync(HttpContext context, Failure failure) => JsonAnswer.WriteAsync(
        context, new ProfileErrorBody(failure.Code, failure.Message), ProfileJson.Default.ProfileErrorBody);
}
